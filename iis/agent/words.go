package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// foreign reports whether what stands under a key of a result is in Windows' or the application's own words. The rest are names, places
// and numbers that the program counts on.
func foreign(key string) bool {
	switch key {
	case "text", "unread", "warnings", "error", "page", "message", "stderr":
		return true
	}
	return false
}

// Reworded is the answer with every text in foreign words replaced by what say makes of it. Its error says that the result is no JSON.
func (a Answer) Reworded(say func(string) string) (Answer, error) {
	a.Fatal = say(a.Fatal)
	if a.Error != nil {
		e := *a.Error
		e.Message, e.Step, e.Hint = say(e.Message), say(e.Step), say(e.Hint)
		a.Error = &e
	}
	if len(a.Result) == 0 {
		return a, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(a.Result))
	decoder.UseNumber()
	var result any
	if err := decoder.Decode(&result); err != nil {
		return a, fmt.Errorf("read the result: %w", err)
	}
	changed := false
	result = reword(result, false, func(text string) string {
		said := say(text)
		changed = changed || said != text
		return said
	})
	if !changed {
		return a, nil
	}
	var err error
	if a.Result, err = json.Marshal(result); err != nil {
		return a, fmt.Errorf("write the result: %w", err)
	}
	return a, nil
}

// reword goes through a value of JSON; words says that it stands under a foreign key.
func reword(value any, words bool, say func(string) string) any {
	switch v := value.(type) {
	case string:
		if words {
			return say(v)
		}
	case []any:
		for i := range v {
			v[i] = reword(v[i], words, say)
		}
	case map[string]any:
		for key := range v {
			v[key] = reword(v[key], words || foreign(key), say)
		}
	}
	return value
}
