package enginetest

import (
	"fmt"
	"math"
	"slices"

	"neuroloupe/engine"
)

// exchangeSpec has parameters and two tensors of state for each.
func exchangeSpec() engine.Spec {
	s := network([]int{7, 5, 3}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	s.Update.Method = engine.Adam
	return s
}

func exchangeChecks() []check {
	with := func(f func(r *rig) error) func(b *bench) error {
		return func(b *bench) error {
			s := exchangeSpec()
			return b.with(s, 4, digits(source("exchange"), 6, s.Inputs, s.Classes()), f)
		}
	}
	return []check{
		{"zero-at-the-start", zeroAtStart},
		{"every-bit", with(everyBit)},
		{"in-part", with(inPart)},
		{"copies", with(copies)},
	}
}

// zeroAtStart: parameters and state are 0 until they are written.
func zeroAtStart(b *bench) error {
	p, err := b.lower(exchangeSpec(), 4)
	if err != nil {
		return err
	}
	e, err := b.backend.Compile(p)
	if err != nil {
		return err
	}
	defer e.Close()
	got := tensors(p.Spec)
	if err := e.Read(got...); err != nil {
		return err
	}
	want := tensors(p.Spec)
	for _, t := range want {
		clear(t.Data)
	}
	return same(want, got)
}

// numbered fills tensors with values that are all different, and among them each kind that float32 has.
func numbered(ts []engine.Tensor) []engine.Tensor {
	special := []uint32{
		0x8000_0000,    // −0
		1, 0x807f_ffff, // subnormal
		0x7f80_0000, 0xff80_0000, // ±∞
		0x7fc0_0001, 0xffd2_3456, // quiet NaN
		0x7f7f_ffff, // largest
	}
	k := 0
	for _, t := range ts {
		for i := range t.Data {
			t.Data[i] = float32(k) + 0.5
			if k%3 == 0 && k/3 < len(special) {
				t.Data[i] = math.Float32frombits(special[k/3])
			}
			k++
		}
	}
	return ts
}

// everyBit: what is written is read, bit by bit, in any order of the tensors.
func everyBit(r *rig) error {
	want := numbered(tensors(r.program.Spec))
	backwards := slices.Clone(want)
	slices.Reverse(backwards)
	if err := r.Write(backwards...); err != nil {
		return err
	}
	got, err := r.read()
	if err != nil {
		return err
	}
	return same(want, got)
}

// inPart: tensors that are not named stay, and no names is no work.
func inPart(r *rig) error {
	want := numbered(tensors(r.program.Spec))
	if err := r.Write(want...); err != nil {
		return err
	}
	for i := range want {
		for k := range want[i].Data {
			want[i].Data[k] = float32(i) - float32(k)
		}
		if err := r.Write(want[i]); err != nil {
			return err
		}
		if err := r.Write(); err != nil {
			return fmt.Errorf("write of nothing: %w", err)
		}
		got, err := r.read()
		if err != nil {
			return err
		}
		if err := same(want, got); err != nil {
			return fmt.Errorf("after writing %s: %w", want[i].Name, err)
		}
		alone := tensors(r.program.Spec)[i]
		if err := r.Read(alone); err != nil {
			return err
		}
		if err := same(want[i:i+1], []engine.Tensor{alone}); err != nil {
			return fmt.Errorf("read alone: %w", err)
		}
	}
	if err := r.Read(); err != nil {
		return fmt.Errorf("read of nothing: %w", err)
	}
	return nil
}

// copies: the caller's slices stay the caller's.
func copies(r *rig) error {
	want := numbered(tensors(r.program.Spec))
	given := numbered(tensors(r.program.Spec))
	if err := r.Write(given...); err != nil {
		return err
	}
	for _, t := range given {
		clear(t.Data)
	}
	for _, when := range []string{"after the written slices changed", "after the read slices changed"} {
		got, err := r.read()
		if err != nil {
			return err
		}
		if err := same(want, got); err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		for _, t := range got {
			clear(t.Data)
		}
	}
	return nil
}
