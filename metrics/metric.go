package metrics

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what makes a request bad.
type Kind string

// The kinds of metrics.
const (
	Errors Kind = "errors" // the status is StatusFrom or above
	Slow   Kind = "slow"   // it took longer than SlowerThan, or failed with 500 or above: a fast error is no good answer
)

// NoData is what becomes of a metric that cannot be read.
type NoData string

// What a metric without data does to the verdict.
const (
	Hold     NoData = "hold"     // unsure: the release waits for data
	Revert   NoData = "revert"   // refused, once Options.Patience is over
	Continue NoData = "continue" // the metric does not matter until it has data
)

// Metric is one question about requests.
type Metric struct {
	Name       string
	Kind       Kind
	StatusFrom int           // Errors: smallest status that is bad; 0: 500
	SlowerThan time.Duration // Slow: longest time that is good; fixed before a server takes traffic
	Quantile   float64       // Slow: take SlowerThan from old's quantile (0.95) of the preflight, see [Settle]; 0: as given
	Limit      Limit
	Alpha      float64       // chance of a false refusal in one rollout; 0: 1e-4
	Phi        float64       // dispersion of the counts, 1 to 20; 0: 1
	SkipFirst  time.Duration // requests of a server in its first moments do not count
	OnNoData   NoData        // empty: Hold
	Proof      Limit         // a pass needs evidence of 100:1 that new is better than this; zero: not asked
	Baseline   Tally         // old in the hour before the rollout: the limit's "old" once no server runs it
}

const (
	defaultAlpha = 1e-4
	maxPhi       = 20
	maxStatus    = 599
)

// complete fills in defaults and checks the metric.
func (m Metric) complete() (Metric, error) {
	if m.StatusFrom == 0 {
		m.StatusFrom = 500
	}
	if m.Alpha == 0 {
		m.Alpha = defaultAlpha
	}
	if m.Phi == 0 {
		m.Phi = 1
	}
	if m.OnNoData == "" {
		m.OnNoData = Hold
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("metric %q: %w", m.Name, err)
	}
	return m, nil
}

func (m Metric) check() error {
	switch {
	case m.Name == "":
		return errors.New("a name is missing")
	case m.Kind != Errors && m.Kind != Slow:
		return fmt.Errorf("kind %q is neither %q nor %q", m.Kind, Errors, Slow)
	case m.StatusFrom < 100 || m.StatusFrom > maxStatus:
		return fmt.Errorf("status %d is not from 100 to %d", m.StatusFrom, maxStatus)
	case m.Kind == Slow && m.SlowerThan <= 0:
		return errors.New("no time that counts as slow: give one, or take it from the preflight")
	case m.Alpha <= 0 || m.Alpha > 0.5:
		return fmt.Errorf("alpha %g is not above 0 and up to 0.5", m.Alpha)
	case m.Phi < 1 || m.Phi > maxPhi:
		return fmt.Errorf("dispersion %g is not from 1 to %d", m.Phi, maxPhi)
	case m.SkipFirst < 0:
		return fmt.Errorf("skip_first %s is negative", m.SkipFirst)
	case m.OnNoData != Hold && m.OnNoData != Revert && m.OnNoData != Continue:
		return fmt.Errorf("on_no_data %q is none of %s, %s, %s", m.OnNoData, Hold, Revert, Continue)
	case m.Baseline.Bad < 0 || m.Baseline.Bad > m.Baseline.Total:
		return fmt.Errorf("baseline of %d bad requests out of %d", m.Baseline.Bad, m.Baseline.Total)
	}
	if m.Proof != (Limit{}) {
		if err := m.Proof.valid(); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	return m.Limit.valid()
}

func (m Metric) effects() []float64 {
	if m.Kind == Slow {
		return slowEffects()
	}
	return errorEffects()
}

// verb says what a bad request did.
func (m Metric) verb() string {
	if m.Kind == Slow {
		return "took longer than " + span(m.SlowerThan) + " or failed"
	}
	if m.StatusFrom != 500 {
		return fmt.Sprintf("had status %d or above", m.StatusFrom)
	}
	return "failed"
}
