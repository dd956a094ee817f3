package mqtt

import "context"

// rivalled finds out whether another program uses our client id, after connections
// that broke for no reason: one under our id that says nothing at all ends soon again,
// while one under another id lives on.
func (c *Client) rivalled(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, brief)
	defer cancel()
	quiet := func(arrival) {}
	other := identity{clientID: c.who.clientID + "-w", user: c.who.user, password: c.who.password}
	witness, err := open(ctx, other, c.dial, quiet)
	if err != nil {
		return false
	}
	defer witness.close()
	other.clientID = c.who.clientID
	ours, err := open(ctx, other, c.dial, quiet)
	if err != nil {
		return false
	}
	defer ours.close()
	select {
	case <-ours.lost:
	case <-ctx.Done():
		return false
	}
	select {
	case <-witness.lost:
		return false
	default:
		return true
	}
}
