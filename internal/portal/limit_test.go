package portal

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLimiterIsBounded(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	l := newLimiter(4)
	for i := range 4 {
		require.True(t, l.allow(fmt.Sprintf("192.0.2.%d", i), now))
	}
	allowed := 0
	for i := range 1000 {
		if l.allow(fmt.Sprintf("198.51.100.%d", i%256), now) {
			allowed++
		}
	}
	require.Equal(t, strangers, allowed, "a flood of addresses shares one bucket")
	require.Len(t, l.visitors, 4)
	require.True(t, l.allow("203.0.113.9", now.Add(restored)), "who was quiet makes room")
	require.Len(t, l.visitors, 1)
}

func TestOneNetworkIsOneVisitor(t *testing.T) {
	require.Equal(t, network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"))
	require.NotEqual(t, network("2001:db8:1:2::1"), network("2001:db8:1:3::1"))
	require.Equal(t, network("192.0.2.1"), network("::ffff:192.0.2.1"))
	require.NotEqual(t, network("192.0.2.1"), network("192.0.2.2"))
	require.Equal(t, network("fe80::1%eth0"), network("fe80::1%eth1"))
	require.Equal(t, network(""), network("pipe"))
}
