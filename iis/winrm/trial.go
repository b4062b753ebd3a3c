package winrm

import (
	"context"
	"time"
)

// OpenFor is Open with another idle time; Windows grants a minute at least.
func (c *Client) OpenFor(ctx context.Context, idle time.Duration) (*Shell, error) {
	return c.open(ctx, isoSeconds(idle))
}

// SendWhole writes in one request, whatever its size: it is for finding out what a server does with one that is too large for it.
// Refused is true where it was refused for that; nothing of it has arrived then.
func (s *Shell) SendWhole(ctx context.Context, p []byte) (refused bool, err error) {
	_, err = s.client.exchange(ctx, "Send", s.client.sendRequest(s.id, s.command, p, false))
	return tooLarge(err), err
}
