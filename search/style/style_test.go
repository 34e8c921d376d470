package style

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// theme returns the colours of the light and the dark theme by their names.
func theme(t *testing.T) (light, dark map[string][3]float64) {
	t.Helper()
	before, after, found := strings.Cut(Theme, "@media")
	if !found {
		t.Fatal("there is no dark theme")
	}
	colours := func(text string) map[string][3]float64 {
		list := map[string][3]float64{}
		for _, m := range regexp.MustCompile(`--([a-z0-9]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(text, -1) {
			hex := m[2]
			if len(hex) == 3 {
				hex = strings.Repeat(hex[:1], 2) + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:], 2)
			}
			var c [3]float64 // linear
			for i := range c {
				v, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				if c[i] = float64(v) / 255; c[i] <= 0.04045 {
					c[i] /= 12.92
				} else {
					c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
				}
			}
			list[m[1]] = c
		}
		return list
	}
	light, dark = colours(before), colours(after)
	if len(light) < 15 || len(light) != len(dark) {
		t.Fatalf("%d colours are light, %d dark", len(light), len(dark))
	}
	return light, dark
}

// contrast is that of WCAG 2.
func contrast(a, b [3]float64) float64 {
	luminance := func(c [3]float64) float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Texts can be read on every background that they stand on, and lines and points be seen.
func TestContrast(t *testing.T) {
	light, dark := theme(t)
	for name, colours := range map[string]map[string][3]float64{"light": light, "dark": dark} {
		for _, pair := range []struct {
			what, on string
			least    float64
		}{
			{"ink", "page paper faint notice chosen", 7}, {"soft", "page paper faint notice chosen", 4.5}, {"accent", "page paper faint", 4.5},
			{"good", "paper faint", 4.5}, {"bad", "paper faint notice", 4.5}, {"warn", "paper faint notice", 4.5}, {"edge", "paper", 3},
			{"c1", "paper", 3}, {"c2", "paper", 3}, {"c3", "paper", 3}, {"c4", "paper", 3}, {"c5", "paper", 3}, {"c6", "paper", 3},
		} {
			for on := range strings.FieldsSeq(pair.on) {
				if got := contrast(colours[pair.what], colours[on]); got < pair.least {
					t.Errorf("%s: --%s on --%s has a contrast of %.2f, want %g", name, pair.what, on, got, pair.least)
				}
			}
		}
	}
}

// The colours of series differ for everybody: for people without one of the three kinds of cones (as Machado, Oliveira and Fernandes
// model them, 2009) too.
func TestSeriesDiffer(t *testing.T) {
	light, dark := theme(t)
	visions := map[string][3][3]float64{
		"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
		"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	}
	seen := func(vision [3][3]float64, c [3]float64) (lab [3]float64) {
		var v [3]float64
		for i, row := range vision {
			v[i] = min(1, max(0, row[0]*c[0]+row[1]*c[1]+row[2]*c[2]))
		}
		f := func(x float64) float64 {
			if x > 0.008856 {
				return math.Cbrt(x)
			}
			return 7.787*x + 16.0/116
		}
		x, y, z := f((0.4124*v[0]+0.3576*v[1]+0.1805*v[2])/0.95047), f(0.2126*v[0]+0.7152*v[1]+0.0722*v[2]), f((0.0193*v[0]+0.1192*v[1]+0.9505*v[2])/1.08883)
		return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
	}
	for theme, colours := range map[string]map[string][3]float64{"light": light, "dark": dark} {
		for name, vision := range visions {
			for i := 1; i <= 6; i++ {
				for k := 1; k < i; k++ {
					a, b := seen(vision, colours["c"+strconv.Itoa(i)]), seen(vision, colours["c"+strconv.Itoa(k)])
					if d := math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2]); d < 15 { // 2 or 3 can just be seen side by side
						t.Errorf("%s, %s: colours %d and %d differ by %.1f, want 15", theme, name, k, i, d)
					}
				}
			}
		}
	}
}

// Every colour that the base uses is in the theme.
func TestColoursExist(t *testing.T) {
	for _, m := range regexp.MustCompile(`var\(--([a-z0-9]+)\)`).FindAllStringSubmatch(base, -1) {
		if !strings.Contains(Theme, "--"+m[1]+":") {
			t.Errorf("there is no --%s", m[1])
		}
	}
}
