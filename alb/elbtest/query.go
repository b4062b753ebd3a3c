package elbtest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// params are the parameters of one call of the AWS query protocol. A name occurs once.
type params map[string]string

// parseParams reads form-encoded parameters and refuses what cannot be meant: bad escapes, a name twice, no name.
func parseParams(text string) (params, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, fmt.Errorf("read the parameters: %w", err)
	}
	p := params{}
	for name, all := range values {
		if name == "" || len(all) != 1 {
			return nil, fmt.Errorf("read the parameters: %q occurs %d times", name, len(all))
		}
		p[name] = all[0]
	}
	return p, nil
}

// list returns the elements prefix.1, prefix.2 ... up to the first gap. A scalar element is under the name "".
func (p params) list(prefix string) []params {
	found := map[int]params{}
	for name, value := range p {
		rest, ok := strings.CutPrefix(name, prefix+".")
		if !ok {
			continue
		}
		digits, field, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(digits)
		if err != nil || strconv.Itoa(n) != digits {
			continue
		}
		if found[n] == nil {
			found[n] = params{}
		}
		found[n][field] = value
	}
	var elements []params
	for n := 1; found[n] != nil; n++ {
		elements = append(elements, found[n])
	}
	return elements
}

// scalars returns the values of a list without fields.
func (p params) scalars(prefix string) []string {
	var values []string
	for _, element := range p.list(prefix) {
		values = append(values, element[""])
	}
	return values
}

// number reads an optional whole number within limits.
func (p params) number(name string, low, high, otherwise int) (int, *failure) {
	text, given := p[name]
	if !given {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, invalid("Value '%s' at '%s' failed to satisfy constraint: between %d and %d", text, name, low, high)
	}
	return n, nil
}

// failure is an error of the API.
type failure struct {
	status        int
	code, message string
}

func invalid(format string, args ...any) *failure {
	return &failure{400, "ValidationError", fmt.Sprintf(format, args...)}
}
