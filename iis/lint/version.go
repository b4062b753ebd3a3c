package lint

import (
	"slices"
	"strconv"
	"strings"
)

// number is a version of .NET: major, minor, patch.
type number [3]int

// parse reads 8.0.11; false: it is something else, such as a preview.
func parse(text string) (number, bool) {
	var v number
	parts := strings.Split(text, ".")
	if len(parts) > len(v) {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

func (v number) less(w number) bool { return slices.Compare(v[:], w[:]) < 0 }

// higher is the target that asks for more.
func higher(a, b Target) Target {
	x, good := parse(a.Version)
	y, also := parse(b.Version)
	if !good || also && x.less(y) {
		return b
	}
	return a
}

// met reports whether one of these versions serves a framework, by the rules of roll forward. What is no plain version is not
// judged: it is met.
func (f Framework) met(there []string) bool {
	least, plain := parse(f.Version)
	if !plain {
		return true
	}
	return slices.ContainsFunc(there, func(text string) bool {
		v, good := parse(text)
		if !good || v.less(least) {
			return false
		}
		switch strings.ToLower(f.RollForward) {
		case "major", "latestmajor":
			return true
		case "", "minor", "latestminor":
			return v[0] == least[0]
		case "disable":
			return v == least
		}
		return v[0] == least[0] && v[1] == least[1] // LatestPatch
	})
}

// preview reports whether one of these is no plain version: a release may run on it where nothing else is there.
func preview(there []string) bool {
	return slices.ContainsFunc(there, func(text string) bool {
		_, plain := parse(text)
		return !plain
	})
}

// release is the number under which .NET Framework is in the registry, from which a version on is there
// (learn.microsoft.com, "Determine which .NET Framework versions are installed").
func release(version string) (int, bool) {
	least := map[string]int{"4.5": 378389, "4.5.1": 378675, "4.5.2": 379893, "4.6": 393295, "4.6.1": 394254, "4.6.2": 394802,
		"4.7": 460798, "4.7.1": 461308, "4.7.2": 461808, "4.8": 528040, "4.8.1": 533320}
	n, known := least[strings.TrimSuffix(version, ".0")]
	return n, known
}

// named is the newest version that a number from the registry stands for.
func named(number int) string {
	newest, most := "none", 0
	for _, v := range []string{"4.5", "4.5.1", "4.5.2", "4.6", "4.6.1", "4.6.2", "4.7", "4.7.1", "4.7.2", "4.8", "4.8.1"} {
		if n, _ := release(v); n <= number && n > most {
			newest, most = v, n
		}
	}
	return newest
}
