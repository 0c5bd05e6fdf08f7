package simulator

import (
	"context"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// deliver brings letters to the return paths by SMTP, over one connection, with an empty return path of their
// own. It gives back those to try again; a letter that is refused for good is gone, as bounces of bounces are.
func (r *receipts) deliver(ctx context.Context, batch []receipt) (again []receipt) {
	c, err := dialBounce(ctx, r.opt.BounceSMTP)
	if err != nil {
		return batch
	}
	defer c.Close()
	for i, x := range batch {
		err := deliverOne(c, x.letter.from, x.letter.write(x.order, r.clock.Now()))
		var refused *textproto.Error
		switch {
		case err == nil:
		case !errors.As(err, &refused):
			return append(again, batch[i:]...)
		case refused.Code < 500:
			again = append(again, x)
		default:
			r.mu.Lock()
			r.lost++
			r.mu.Unlock()
		}
		if err != nil && c.Reset() != nil {
			return append(again, batch[i+1:]...)
		}
	}
	_ = c.Quit() // all is delivered
	return again
}

func dialBounce(ctx context.Context, addr string) (*smtp.Client, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // of the batch
	c, err := smtp.NewClient(conn, "simulator.example")
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := c.Hello("simulator.example"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func deliverOne(c *smtp.Client, to string, letter []byte) error {
	if err := c.Mail(""); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(letter); err != nil {
		return err
	}
	return w.Close()
}
