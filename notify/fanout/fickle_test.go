package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/incident"
	"tocsin/notify"
)

// fickle is a provider's channel.
type fickle struct {
	w        *world
	id, name string
}

func (f *fickle) Name() string { return f.name }

func (f *fickle) Prepare(context.Context, notify.FrozenMessage, incident.Mode) (notify.Sender, error) {
	return f, nil
}

func (f *fickle) Close() error { return nil }

var errDied = errors.New("process died")

// verdicts of providers, and whether the message is taken; the first is the usual one.
var verdicts = []struct {
	class notify.Class
	taken bool
}{
	{notify.ClassAccepted, true}, {notify.ClassRetry, false}, {notify.ClassRcptPerm, false}, {notify.ClassRcptSoft, false},
	{notify.ClassInDoubt, true}, {notify.ClassInDoubt, false}, {notify.ClassStop, false}, {notify.ClassBug, false}, {"NEWLY_INVENTED", true},
	{notify.ClassDelivered, true},
}

func (f *fickle) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	w := f.w
	for i, o := range out {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		begin(i)
		at := uint64(0)
		if d := w.decide(30); !w.calm && d < uint64(len(verdicts)) {
			at = d
		}
		v := verdicts[at]
		if v.taken {
			w.taken[took{f.id, w.at(o)}]++
			w.messages[w.at(o).String()]++
		}
		w.tell(o.Seq, f.name, "%s attempt %d: %s, taken %v", f.id, o.Attempt, v.class, v.taken)
		switch d := w.decide(60); {
		case w.calm:
		case d == 0:
			w.tell(o.Seq, f.name, "died")
			panic(errDied)
		case d == 1:
			w.tell(o.Seq, f.name, "broke")
			return errors.New("connection lost")
		case d == 2 && w.busy == 1: // it stalls; another worker takes its claim over
			w.clock.Advance(2 * time.Minute)
			w.tell(o.Seq, f.name, "stalled")
			w.turn(1 - int(w.decide(2)))
		}
		done(i, notify.Verdict{Class: v.class, ProviderID: fmt.Sprintf("%s-%d", f.id, w.n)})
	}
	return nil
}

// curious is one that can be asked.
type curious struct{ *fickle }

func (c curious) Query(_ context.Context, o notify.Outgoing) (notify.Verdict, bool, error) {
	return notify.Verdict{Class: notify.ClassAccepted, ProviderID: c.id + "-asked"}, c.w.taken[took{c.id, c.w.at(o)}] > 0, nil
}
