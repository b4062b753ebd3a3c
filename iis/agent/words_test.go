package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForeignWordsAreRewordedAndNamesAreNot(t *testing.T) {
	say := func(text string) string { return strings.ReplaceAll(text, "x", "(secret)") }
	for name, test := range map[string]struct{ answer, want string }{
		"an event":    {`{"entries":[{"id":1026,"source":"x","text":"ax"}],"unread":["x"]}`, `{"entries":[{"id":1026,"source":"x","text":"a(secret)"}],"unread":["(secret)"]}`},
		"a probe":     {`{"answers":[{"error":"x","page":"x","status":500,"version":"x"}]}`, `{"answers":[{"error":"(secret)","page":"(secret)","status":500,"version":"x"}]}`},
		"a change":    {`{"after":{"name":"x"},"changed":true,"warnings":["x"]}`, `{"after":{"name":"x"},"changed":true,"warnings":["(secret)"]}`},
		"big numbers": {`{"disk_free":9007199254740993,"message":"x"}`, `{"disk_free":9007199254740993,"message":"(secret)"}`},
		"nothing":     {`{"b":1,"a":"x"}`, `{"b":1,"a":"x"}`},
	} {
		got, err := Answer{ID: "x", Result: json.RawMessage(test.answer)}.Reworded(say)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, string(got.Result)); diff != "" || got.ID != "x" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	refused := &Error{Message: "x", Code: "x", Step: "x", Hint: "x"}
	got, err := Answer{Fatal: "x", Error: refused}.Reworded(say)
	if err != nil || got.Fatal != "(secret)" || *got.Error != (Error{Message: "(secret)", Code: "x", Step: "(secret)", Hint: "(secret)"}) || refused.Message != "x" {
		t.Errorf("%+v %+v %v", got, got.Error, err)
	}
	if _, err := (Answer{Result: json.RawMessage(`{`)}).Reworded(say); err == nil {
		t.Error("half a result is taken")
	}
}
