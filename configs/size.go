package configs

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Size is a number of servers, or a share of the fleet where Percent is set.
type Size struct {
	Count   int     // servers
	Percent float64 // above 0, up to 100
}

// String is the size as it is written in the file.
func (s Size) String() string {
	if s.Percent > 0 {
		return strconv.FormatFloat(s.Percent, 'g', -1, 64) + "%"
	}
	return strconv.Itoa(s.Count)
}

// of is the number of servers out of n: a count as it is, a share rounded up, never more than n.
func (s Size) of(n int) int {
	if s.Percent > 0 {
		return min(n, int(math.Ceil(s.Percent*float64(n)/100-1e-9)))
	}
	return min(n, s.Count)
}

func (s *Size) parse(text string) error {
	if sizeExp.MatchString(text) {
		p, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		*s = Size{Percent: p}
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return errors.New("no count")
	}
	*s = Size{Count: n}
	return nil
}

func (s *Size) allowed() string {
	return "a number of servers such as 2, or a share such as 25% (above 0%, at most 100%)"
}

// Waves is how many servers in total run the new release after each wave. Nil is "each": one server at a time, every one
// with its gate.
type Waves []Size

const wavesAllowed = "each, or a list that ends with 100% such as [1, 25%, 100%]"

// share reads "0.1%" as 0.001.
func share(text string) (float64, error) {
	p, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	return p / 100, err
}
