//go:build gpu && linux && cgo && amd64

package cublas_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"neuroloupe/cuda/internal/cublas"
	"neuroloupe/cuda/internal/driver"
	"neuroloupe/cuda/sim"
)

// inContext runs f on the simulator's device with a stream.
func inContext(t *testing.T, f func(ctx *driver.Context, s *driver.Stream) error) {
	t.Helper()
	sim.Start(t)
	ctx, err := driver.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer ctx.Close()
	err = ctx.Do(func() error {
		s, err := ctx.NewStream()
		if err != nil {
			return err
		}
		defer s.Close()
		return f(ctx, s)
	})
	if err != nil {
		t.Error(err)
	}
}

// Products come out as row-major matrices say, transposed or not. The library is a stub that multiplies by columns as
// cuBLAS does, and wants the calls in cuBLAS's order; that cuBLAS itself is called rightly only a GPU can show.
func TestMultiply(t *testing.T) {
	t.Setenv(cublas.LibraryEnv, stub(t))
	// [1 2 3; 4 5 6]·[7 8; 9 10; 11 12] = [58 64; 139 154]
	a, at := []float32{1, 2, 3, 4, 5, 6}, []float32{1, 4, 2, 5, 3, 6}
	b, bt := []float32{7, 8, 9, 10, 11, 12}, []float32{7, 9, 11, 8, 10, 12}
	want := []float32{58, 64, 139, 154}
	for _, c := range []struct {
		name                     string
		a, b                     []float32
		widthA, widthB           int
		transposedA, transposedB bool
	}{
		{"A·B", a, b, 3, 2, false, false},
		{"A·Bᵀ", a, bt, 3, 3, false, true},
		{"Aᵀ·B", at, b, 2, 2, true, false},
		{"Aᵀ·Bᵀ", at, bt, 2, 3, true, true},
	} {
		for _, how := range []struct {
			name    string
			compute cublas.Compute
			narrow  bool
		}{
			{"FP32", cublas.FP32, false},
			{"TF32", cublas.TF32, false},
			{"BF16", cublas.BF16, false},
			{"BF16 throughout", cublas.BF16, true},
		} {
			compute := how.compute
			t.Run(c.name+", "+how.name, func(t *testing.T) {
				inContext(t, func(ctx *driver.Context, s *driver.Stream) error {
					l, err := cublas.Open(ctx)
					if err != nil {
						return err
					}
					h, err := l.Handle(s, compute)
					if err != nil {
						return err
					}
					var p [3]driver.Ptr
					for i := range p {
						if p[i], err = ctx.Alloc(24); err != nil {
							return err
						}
					}
					got, short := make([]float32, 4), make([]uint16, 4)
					for _, err := range []error{
						ctx.CopyIn(p[0], memoryOf(c.a, compute), s),
						ctx.CopyIn(p[1], memoryOf(c.b, compute), s),
						h.Multiply(p[2], how.narrow, cublas.Matrix{P: p[0], Width: c.widthA, Transposed: c.transposedA},
							cublas.Matrix{P: p[1], Width: c.widthB, Transposed: c.transposedB}, 2, 2, 3),
						ctx.CopyOut(unsafe.Slice((*byte)(unsafe.Pointer(&short[0])), 8), p[2], s),
						ctx.CopyOut(unsafe.Slice((*byte)(unsafe.Pointer(&got[0])), 16), p[2], s),
						ctx.Free(p[0]), ctx.Free(p[1]), ctx.Free(p[2]),
						h.Close(), l.Close(),
					} {
						if err != nil {
							return err
						}
					}
					if how.narrow {
						for i, v := range short {
							got[i] = math.Float32frombits(uint32(v) << 16)
						}
					}
					if !slices.Equal(got, want) {
						return fmt.Errorf("product %v, want %v", got, want)
					}
					return nil
				})
			})
		}
	}
}

// stub builds the stub of cuBLAS and returns its path.
func stub(t *testing.T, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("the stub of cuBLAS is built with gcc, which is not here")
	}
	folder := filepath.Join(t.TempDir(), "libcublas") // where the loader does not look
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	library, lt := filepath.Join(folder, "libcublas.so.99"), filepath.Join(folder, "libcublasLt.so.99")
	for _, args := range [][]string{
		{"-shared", "-Wl,-soname,libcublasLt.so.99", "-o", lt, "-x", "c", "/dev/null"},
		slices.Concat([]string{"-shared", "-fPIC", "-O1", "-Wl,--no-as-needed"}, flags,
			[]string{"-o", library, "testdata/stub.c", lt}),
	} {
		if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s", err, out)
		}
	}
	return library
}

// One that does not start, as when it is newer than the driver, is passed over.
func TestPassedOver(t *testing.T) {
	broken := stub(t, "-DTOO_NEW")
	for _, c := range []struct {
		list []string
		want string // in the error
	}{
		{[]string{broken}, broken + ": cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED"},
		{[]string{broken, "/nowhere/libcublas.so", stub(t)}, ""},
	} {
		t.Setenv(cublas.LibraryEnv, strings.Join(c.list, string(filepath.ListSeparator)))
		inContext(t, func(ctx *driver.Context, _ *driver.Stream) error {
			l, err := cublas.Open(ctx)
			if c.want == "" && err == nil {
				return l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				return fmt.Errorf("error %v, want %q in it", err, c.want)
			}
			return nil
		})
	}
}

// memoryOf returns values as a product of that kind reads them. The values of the test are the same as bfloat16.
func memoryOf(s []float32, c cublas.Compute) []byte {
	var b []byte
	for _, v := range s {
		u := math.Float32bits(v)
		if c == cublas.BF16 {
			b = binary.LittleEndian.AppendUint16(b, uint16(u>>16))
		} else {
			b = binary.LittleEndian.AppendUint32(b, u)
		}
	}
	return b
}

// What cannot be opened is named.
func TestOpen(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"", "switched off"},
		{"/nowhere/libcublas.so", "/nowhere/libcublas.so"},
		{"libc.so.6", "libc.so.6 has no cublasCreate_v2"},
	} {
		t.Setenv(cublas.LibraryEnv, c.path)
		if _, err := cublas.Open(nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q in it", c.path, err, c.want)
		}
	}
}
