package winrm

// Guard decides whether a login may be shown to a server. It is safe for concurrent use.
type Guard interface {
	// Before is called before a request. An error of it is the request's; nothing is sent then.
	Before() error
	// After is told what came of a request that was sent: nil or a *[Fault] where the login was taken.
	After(err error)
}

// unguarded lets everything pass.
type unguarded struct{}

// Before has nothing against it.
func (unguarded) Before() error { return nil }

// After does not listen.
func (unguarded) After(error) {}
