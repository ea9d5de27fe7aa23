package sweep

import (
	"cmp"
	"slices"

	"neuroloupe/cmd/internal/runs"
)

// result is what is known of a run where rungs are decided.
type result struct {
	epochs   int       // asked for
	accuracy []float64 // on the validation images, after each epoch done
	failed   bool      // and not to be tried again
	ended    bool      // no more epochs come: all are done, or early stopping has ended it
}

// at is the accuracy after an epoch, or the last one of a run that has ended before; ok is false while that is to come.
func (r result) at(epoch int) (accuracy float64, ok bool) {
	n := len(r.accuracy)
	switch {
	case epoch <= n:
		return r.accuracy[epoch-1], true
	case r.ended && n > 0:
		return r.accuracy[n-1], true
	}
	return 0, false
}

// verdict is what is to become of a run.
type verdict struct {
	target int        // epochs to train it to; all it was asked for where no rung comes before
	rung   int        // that the target is, from 1; 0 when it is the end
	wait   bool       // it has reached its target, and the rung is not decided
	stop   *runs.Stop // it is not worth going on
}

// level is the epochs of a rung.
func (r StopRule) level(rung int) int {
	n := r.First
	for range rung - 1 {
		if n > 1<<30 {
			break
		}
		n *= r.Reduction
	}
	return n
}

// decide says what is to become of each run. promoted is how many rungs each has been promoted from, which asha needs;
// halving does not look at it.
func (r *StopRule) decide(all []result, promoted []int) []verdict {
	vs := make([]verdict, len(all))
	for i := range all {
		vs[i].target = all[i].epochs
	}
	switch {
	case r == nil:
	case r.Rule == "halving":
		r.halving(all, vs)
	default:
		r.asha(all, promoted, vs)
	}
	return vs
}

// ranked are the runs that have reached a level, the best first; of two that are as good, the first of the plan.
func ranked(all []result, runs []int, level int) []int {
	var reached []int
	for _, i := range runs {
		if _, ok := all[i].at(level); ok && !all[i].failed {
			reached = append(reached, i)
		}
	}
	slices.SortStableFunc(reached, func(a, b int) int {
		x, _ := all[a].at(level)
		y, _ := all[b].at(level)
		return cmp.Compare(y, x)
	})
	return reached
}

// stopAt is why the run of a rank (from 0) among the ranked is stopped, where those of keeps go on.
func (r *StopRule) stopAt(all []result, order []int, rank int, keeps func(i int) bool, rung int) *runs.Stop {
	level := r.level(rung)
	s := &runs.Stop{Rule: r.Rule, Rung: rung, Epoch: level, Rank: rank + 1, Of: len(order)}
	s.Accuracy, _ = all[order[rank]].at(level)
	for _, i := range order {
		if keeps(i) {
			s.Kept++
			s.Cut, _ = all[i].at(level)
		}
	}
	return s
}

// racing are the runs of which a rung comes before the end.
func (r *StopRule) racing(all []result, runs []int, rung int) []int {
	return slices.DeleteFunc(slices.Clone(runs), func(i int) bool {
		return all[i].epochs <= r.level(rung) || all[i].failed
	})
}

// halving is successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
// optimization", 2016): when all runs of a rung have reached it, the best one in Reduction goes on. What is decided
// depends on the results alone.
func (r *StopRule) halving(all []result, vs []verdict) {
	var alive []int
	for i := range all {
		alive = append(alive, i)
	}
	for rung := 1; ; rung++ {
		alive = r.racing(all, alive, rung)
		if len(alive) < 2 {
			return
		}
		level := r.level(rung)
		order := ranked(all, alive, level)
		for _, i := range alive {
			if _, ok := all[i].at(level); ok {
				vs[i] = verdict{target: level, rung: rung, wait: true}
			} else {
				vs[i] = verdict{target: level, rung: rung}
			}
		}
		if len(order) < len(alive) {
			return
		}
		kept := order[:max(1, len(order)/r.Reduction)]
		keeps := func(i int) bool { return slices.Contains(kept, i) }
		for rank, i := range order {
			vs[i] = verdict{target: all[i].epochs}
			if rank >= len(kept) {
				vs[i].stop = r.stopAt(all, order, rank, keeps, rung)
			}
		}
		alive = kept
	}
}

// asha is asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning", 2020): a
// run goes on from a rung as soon as it is among the best one in Reduction of those that have reached it by then.
// Nothing is stopped before all have reached the first rung and none can be promoted; see promotable.
func (r *StopRule) asha(all []result, promoted []int, vs []verdict) {
	for i := range all {
		rung := promoted[i] + 1
		level := r.level(rung)
		if all[i].epochs <= level || all[i].failed {
			continue
		}
		_, reached := all[i].at(level)
		vs[i] = verdict{target: level, rung: rung, wait: reached}
	}
	if slices.ContainsFunc(vs, func(v verdict) bool { return v.rung > 0 && !v.wait }) ||
		r.promotable(all, promoted) >= 0 {
		return
	}
	for rung := 1; ; rung++ {
		order := ranked(all, r.at(all, promoted, rung), r.level(rung))
		if len(order) == 0 {
			return
		}
		keeps := func(i int) bool { return promoted[i] >= rung }
		for rank, i := range order {
			if !keeps(i) {
				vs[i] = verdict{target: all[i].epochs, stop: r.stopAt(all, order, rank, keeps, rung)}
			}
		}
	}
}

// at are the runs that came as far as a rung.
func (r *StopRule) at(all []result, promoted []int, rung int) []int {
	var at []int
	for i := range all {
		if promoted[i] >= rung-1 && all[i].epochs > r.level(rung) {
			at = append(at, i)
		}
	}
	return at
}

// promotable is the run that asha promotes next, from the highest rung that has one; -1 for none. Where a rung has
// fewer than Reduction runs and no more can come, its best one goes on, so that one run at least is trained to its end.
func (r *StopRule) promotable(all []result, promoted []int) int {
	top := 1
	for len(r.at(all, promoted, top+1)) > 0 {
		top++
	}
	more := false // runs that may yet reach the rung
	found := -1
	for rung := 1; rung <= top; rung++ {
		at := r.at(all, promoted, rung)
		order := ranked(all, at, r.level(rung))
		for _, i := range at {
			_, reached := all[i].at(r.level(rung))
			more = more || !reached && !all[i].failed
		}
		n := len(order) / r.Reduction
		if n == 0 && !more && len(order) > 0 {
			n = 1
		}
		next := slices.IndexFunc(order[:n], func(i int) bool { return promoted[i] == rung-1 })
		if next >= 0 {
			found = order[next]
			more = true
		}
	}
	return found
}
