package canary

import "time"

// Answer is what a question came to.
type Answer string

// The three answers. The zero value is none of them, so that a forgotten answer is never a pass.
const (
	Pass   Answer = "pass"
	Fail   Answer = "fail"
	Unsure Answer = "unsure" // no data, too little, or a source that errs
)

// Verdict is the answer to a question, with its arithmetic.
type Verdict struct {
	Answer   Answer        `json:"answer"`
	Reason   string        `json:"reason"`             // one sentence, with the numbers
	Evidence []Sample      `json:"evidence,omitempty"` // one for each metric
	Until    time.Time     `json:"until,omitzero"`     // the watermark: everything before it has been seen
	Lag      time.Duration `json:"lag,omitempty"`      // how late the logs are
}

// Sample is the evidence of one metric.
type Sample struct {
	Metric string  `json:"metric"`
	Answer Answer  `json:"answer"`
	Limit  string  `json:"limit"`  // as configured, such as "1.5 x old + 0.1%"
	New    Count   `json:"new"`    // servers on the new slot
	Old    Count   `json:"old"`    // servers on an old slot, in the same seconds
	Odds   float64 `json:"odds"`   // evidence against "within the limit", as a natural logarithm; grows with certainty
	Need   float64 `json:"need"`   // Odds at which the release is refused
	Reason string  `json:"reason"` // one sentence, with the numbers
}

// Count is requests and how many of them were bad.
type Count struct {
	Requests int64 `json:"requests"`
	Bad      int64 `json:"bad"`
}
