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

func (s *Size) parse(text string) error {
	if share, is := strings.CutSuffix(text, "%"); is {
		p, err := strconv.ParseFloat(share, 64)
		if err != nil || !(p > 0 && p <= 100) {
			return errors.New("no share")
		}
		*s = Size{Percent: p}
		return nil
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
	number, is := strings.CutSuffix(strings.TrimSpace(text), "%")
	if !is {
		return 0, errors.New("no percent sign")
	}
	p, err := decimal(number)
	if err != nil || p > 100 {
		return 0, errors.New("no share")
	}
	return p / 100, nil
}

// decimal is a finite number that is not negative.
func decimal(text string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, errors.New("no number")
	}
	return v, nil
}
