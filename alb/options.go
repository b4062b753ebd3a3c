package alb

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"
)

// Options says which target groups to work on, where, as whom and how patiently. The zero value of each duration, count
// and rate stands for its default.
type Options struct {
	// Region is the AWS region; empty: from the environment or the profile.
	Region string
	// Profile is the profile of the shared configuration; empty: the default chain. Not read with static Credentials.
	Profile string
	// Endpoint is the URL of another server that speaks these APIs, such as a rehearsal; empty: AWS itself.
	Endpoint string
	// Credentials are static; the zero value means the default chain of the SDK. They make all of the options print as a
	// placeholder.
	Credentials
	// ExpiryWindow renews credentials this long before they expire; 0: 3 min.
	ExpiryWindow time.Duration
	// Groups are the target groups, by name or ARN, that a server is rolled in, all of them together.
	Groups []string

	// Poll is the greatest age of a shared reading of a group's health; 0: 5 s.
	Poll time.Duration
	// DeregisterGrace is how long a deregistered target may still be listed as taking requests; 0: 20 s.
	DeregisterGrace time.Duration
	// RegisterGrace is how long a registered target may be missing from the list; 0: 30 s.
	RegisterGrace time.Duration

	// Attempts is how often one call is tried, 1 or more; 0: 10.
	Attempts int
	// CallTimeout bounds one attempt; 0: 15 s.
	CallTimeout time.Duration
	// MaxBackoff is the longest pause between two attempts; 0: 5 s.
	MaxBackoff time.Duration
	// Reads is how many reading attempts are made per second at most; 0: 5.
	Reads float64
	// Writes is how many writing attempts are made per second at most; 0: 4.
	Writes float64
	// Notify, where set, is told each time that a call has to be repeated. It may be called from many goroutines.
	Notify func(string)
}

// Credentials is a static access key. It prints as a placeholder.
type Credentials struct {
	AccessKey    string
	SecretKey    string
	SessionToken string // only with temporary keys
}

const hidden = "(hidden)"

// String keeps the key out of formatted text.
func (Credentials) String() string { return hidden }

// GoString keeps the key out of %#v.
func (Credentials) GoString() string { return hidden }

// LogValue keeps the key out of structured logs.
func (Credentials) LogValue() slog.Value { return slog.StringValue(hidden) }

func (c Credentials) static() bool { return c != Credentials{} }

func (o Options) withDefaults() Options {
	orElse(&o.ExpiryWindow, 3*time.Minute)
	orElse(&o.Poll, 5*time.Second)
	orElse(&o.DeregisterGrace, 20*time.Second)
	orElse(&o.RegisterGrace, 30*time.Second)
	orElse(&o.Attempts, 10)
	orElse(&o.CallTimeout, 15*time.Second)
	orElse(&o.MaxBackoff, 5*time.Second)
	orElse(&o.Reads, 5)
	orElse(&o.Writes, 4)
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	return o
}

func orElse[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

func (o Options) check() error {
	var problems []error
	if len(o.Groups) == 0 {
		problems = append(problems, errors.New("no target group is named"))
	}
	if o.Attempts < 1 || o.Reads < 0 || o.Writes < 0 {
		problems = append(problems, errors.New("attempts and rates must be positive"))
	}
	for name, d := range map[string]time.Duration{
		"poll": o.Poll, "deregister grace": o.DeregisterGrace, "register grace": o.RegisterGrace,
		"call timeout": o.CallTimeout, "maximum back-off": o.MaxBackoff, "expiry window": o.ExpiryWindow,
	} {
		if d < 0 {
			problems = append(problems, fmt.Errorf("%s is negative", name))
		}
	}
	if c := o.Credentials; c.static() && (c.AccessKey == "" || c.SecretKey == "") {
		problems = append(problems, errors.New("static credentials need both an access key and a secret key"))
	}
	if u, err := url.Parse(o.Endpoint); o.Endpoint != "" && (err != nil || u.Scheme == "" || u.Host == "" || u.User != nil) {
		problems = append(problems, errors.New("the endpoint is not a URL such as https://host:port"))
	}
	return errors.Join(problems...)
}

// limit bounds one call with all its attempts: four that hang, and every pause.
func (o Options) limit() time.Duration {
	return 4*o.CallTimeout + time.Duration(o.Attempts)*o.MaxBackoff
}

// pause lies between two readings that wait for a write to show.
func (o Options) pause() time.Duration { return min(max(o.Poll/5, 10*time.Millisecond), time.Second) }
