package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"tocsin/notify"
	"tocsin/notify/receipt/inbox"
)

// startInbox opens the ways in which undeliverable mail comes back, where they are configured.
func (a *App) startInbox(ctx context.Context) error {
	apply := func(ctx context.Context, r []notify.Receipt) (int, error) {
		return a.Notify.ApplyReceipts(ctx, a.Config.Operator, r)
	}
	c := a.Config.Bounces
	if c.Listen != "" {
		o := inbox.Options{Addr: c.Listen, Domains: a.bounceDomains(), Hello: a.Config.SMTP.Hello, Codec: notify.NewCodec(a.key), Apply: apply, Log: a.Log}
		if c.CertFile != "" {
			cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			if err != nil {
				return fmt.Errorf("read certificate of the bounce door: %w", err)
			}
			o.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		}
		door, err := inbox.Listen(ctx, o)
		if err != nil {
			return err
		}
		a.bounceDoor = door.Addr()
		a.run("bounce door", door.Run)
	}
	if m := c.Mailbox; m.Addr != "" {
		o := inbox.MailboxOptions{Addr: m.Addr, Username: m.Username, Password: m.Password, Folder: m.Folder, Every: time.Duration(m.Every), Apply: apply, Clock: a.Clock, Log: a.Log}
		roots, err := readRoots(m.CAFile)
		if err != nil {
			return err
		}
		if roots != nil {
			o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		}
		a.mailbox = inbox.NewMailbox(o)
		a.run("bounce mailbox", a.mailbox.Run)
	}
	return nil
}

// bounceDomains are the domains of the return paths we make.
func (a *App) bounceDomains() []string {
	if a.Config.SMTP.Addr == "" {
		return []string{"bounce." + simulatorDomain}
	}
	out := []string{a.Config.SMTP.Bounce}
	if second := a.Config.Second.Bounce; second != "" && second != out[0] {
		out = append(out, second)
	}
	return out
}
