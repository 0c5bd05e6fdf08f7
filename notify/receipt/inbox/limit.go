package inbox

import (
	"net"
	"sync"
	"time"
)

// limited is a listener that turns away connections beyond its limits, all in all and of one host, and ends
// each after a while: a slow or greedy peer must not keep others out.
type limited struct {
	net.Listener
	most, perHost int
	life          time.Duration
	refused       func()

	mu    sync.Mutex
	open  int
	hosts map[string]int
}

const busy = "421 4.7.0 Too many connections, come again later\r\n"

// Accept gives the next connection within the limits.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			host = c.RemoteAddr().String()
		}
		if l.enter(host) {
			k := &kept{Conn: c, leave: sync.OnceFunc(func() { l.leave(host) })}
			k.end = time.AfterFunc(l.life, func() { k.Close() }) //nolint:errcheck // it is over either way
			return k, nil
		}
		l.refused()
		if err := c.SetWriteDeadline(time.Now().Add(time.Second)); err == nil {
			_, _ = c.Write([]byte(busy)) // a courtesy
		}
		_ = c.Close()
	}
}

func (l *limited) enter(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.most || l.hosts[host] >= l.perHost {
		return false
	}
	l.open++
	l.hosts[host]++
	return true
}

func (l *limited) leave(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.hosts[host]--; l.hosts[host] == 0 {
		delete(l.hosts, host)
	}
}

type kept struct {
	net.Conn
	leave func()
	end   *time.Timer
}

// Close ends the connection and gives its place to another.
func (k *kept) Close() error {
	if k.end != nil {
		k.end.Stop()
	}
	k.leave()
	return k.Conn.Close()
}
