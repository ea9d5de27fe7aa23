package gallery

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine/inspect"
)

func TestPictureNames(t *testing.T) {
	long := strings.Repeat("letter ", 30) + "x"
	for name, tc := range map[string]struct{ names, want []string }{
		"digits":          {[]string{"0", "1", "10"}, []string{"0", "1", "10"}},
		"Fashion-MNIST":   {[]string{"T-shirt/top", "Ankle boot"}, []string{"T-shirt/top", "Ankle boot"}},
		"case":            {[]string{"A", "a"}, []string{"A", "a"}},
		"missing letters": {[]string{"お", "き", "0", "a 三"}, []string{"#0", "#1", "0", "#3"}},
		"look alike":      {[]string{"A", "А", "B"}, []string{"#0 A", "#1 А", "B"}},
		"long":            {[]string{"short", long}, []string{"short", "#1 letter letter letter let…"}},
		"long, one start": {
			[]string{"a word that is 1", "a word that is 2", "a word"},
			[]string{"#0 a word that is 1", "#1 a word that is 2", "a word"},
		},
		"like a number":    {[]string{"#1", "お"}, []string{"#0 #1", "#1"}},
		"controls, accent": {[]string{"a\x1b[31m", "e\u0301", "e"}, []string{"#0", "#1", "e"}},
	} {
		got, err := pictureNames(tc.names)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestClassWord(t *testing.T) {
	long := strings.Repeat("x", 300)
	names := []string{"3", "T-shirt/top", "T-shirt.top", "お", "き", "A", "a", "+", "no 3", long, long + "y"}
	want := []string{
		"3", "t-shirt-top-no_1", "t-shirt-top-no_2", "no_3", "no_4", "a-no_5", "a-no_6", "no_7", "no-3",
		long[:40] + "-no_9", long[:40] + "-no_10",
	}
	for k := range names {
		if got := classWord(names, k); got != want[k] {
			t.Errorf("%.20s: %s, want %s", names[k], got, want[k])
		}
	}
}

func TestImageFile(t *testing.T) {
	for _, tc := range []struct {
		c    Chosen
		want string
	}{
		{Chosen{Name: "test:18", Label: 3}, "test18"},
		{Chosen{Name: "my/digit-3.png", Label: -1}, "digit-3"},
		{Chosen{Name: "三.png", Label: -1}, "%E4%B8%89"},
		{Chosen{Name: "四.png", Label: -1}, "%E5%9B%9B"},
		{Chosen{Name: "a b.png", Label: -1}, "a+b"},
		{Chosen{Name: "ab.png", Label: -1}, "ab"},
		{Chosen{Name: "a_b.png", Label: -1}, "a_b"},
		{Chosen{Name: "AB.PNG", Label: -1}, "AB.PNG"},
		{Chosen{Name: "test18.png", Label: -1}, "test18.png"}, // test:18 is another image
		{Chosen{Name: ".png", Label: -1}, ".png"},
	} {
		if got := tc.c.file(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.c.Name, got, tc.want)
		}
	}
	for _, r := range []string{"x", "三"} {
		a, b := escaped(strings.Repeat(r, 80)+"1"), escaped(strings.Repeat(r, 80)+"2")
		if r == "三" && (a == b || len(a) > 130) {
			t.Errorf("long names: %s, %s", a, b)
		}
	}
}

// TestFaultText: which weights are no numbers, in words.
func TestFaultText(t *testing.T) {
	for want, f := range map[string]inspect.Fault{
		"layer 1: 1 of 2,000 weights is not a number": {Layer: 0, Count: 1, Of: 2000},
		"layer 1: 2 of 2,000 weights are infinite":    {Layer: 0, Infinite: true, Count: 2, Of: 2000},
		"layer 2: 3 of 3 biases are not a number":     {Layer: 1, Biases: true, Count: 3, Of: 3},
	} {
		if got := faultText(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The neurons at the ends are those with the largest shares for and against, and no neuron stands at both.
func TestWhyEnds(t *testing.T) {
	x := &Account{Evidence: []float64{0.5, -1, 0, 2, -0.25}, Order: []int{3, 0, 2, 4, 1}}
	plus, minus := x.ends(3)
	if fmt.Sprint(plus, minus) != "[3 0] [1 4]" {
		t.Errorf("for %v, against %v; want [3 0] and [1 4]", plus, minus)
	}
}
