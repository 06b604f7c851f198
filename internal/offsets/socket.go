package offsets

import (
	"context"
	"net"
	"time"
)

// A COMMIT has no deadline, so it is the socket that must notice a peer that is gone: idle probes find one that was silent anyway, the user
// timeout (Linux) one that no longer acknowledges what was sent.
const (
	probeAfter  = 15 * time.Second
	probeEvery  = 5 * time.Second
	probes      = 4
	unackedTime = 40 * time.Second
)

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeAfter, Interval: probeEvery, Count: probes},
		Control:         boundUnacked,
	}
	return d.DialContext(ctx, network, addr)
}
