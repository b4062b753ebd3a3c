package elbtest

import (
	"fmt"
	"net/http"
	"slices"
)

// Deny makes the API refuse these actions to every client from now on, as where no policy of the identity allows them. No
// action: everything is allowed again. It replaces what was denied before.
func (b *Balancer) Deny(actions ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.denied = slices.Clone(actions)
}

// denies is the refusal in the words of the service: EC2 has a code of its own.
func (b *Balancer) denies(service, action string) *failure {
	if !slices.Contains(b.denied, action) {
		return nil
	}
	why := fmt.Sprintf("User: arn:aws:iam::%s:user/rehearsal is not authorized to perform: %s:%s because no identity-based policy allows the %[2]s:%[3]s action",
		b.config.Account, service, action)
	if service == "ec2" {
		return &failure{http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation. " + why}
	}
	return &failure{http.StatusForbidden, "AccessDenied", why}
}
