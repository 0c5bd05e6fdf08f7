package push

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"tocsin/internal/aliyun"
	"tocsin/notify"
	"tocsin/notify/codes"
)

// batch is one call: who it is for, and what it says.
type batch struct {
	people  []int // places in what is sent
	notices []aliyun.Notice
}

// Send makes one call per batch. Of a message without slots a batch shares one verdict, since the provider
// answers per call; unknown devices it drops without a word. When ctx ends, no new call begins.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	r := &run{sender: s, out: out, begin: begin, done: done}
	r.plan()
	var wg sync.WaitGroup
	for range min(len(r.batches), s.channel.opt.Calls) {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	if int(r.answered.Load()) < len(out) {
		return ctx.Err()
	}
	return nil
}

// run is one Send.
type run struct {
	*sender
	out            []notify.Outgoing
	batches        []batch
	begin          func(int)
	done           func(int, notify.Verdict)
	next, answered atomic.Int64
}

func (r *run) answer(i int, v notify.Verdict) {
	r.done(i, v)
	r.answered.Add(1)
}

// plan answers those who cannot be sent to and divides the others into batches. A device named twice goes
// into different calls, so that each delivery is one target.
func (r *run) plan() {
	var b batch
	named := make(map[string]bool, r.batch)
	for i := range r.out {
		n, v, ok := r.notice(&r.out[i])
		if !ok {
			r.answer(i, v)
			continue
		}
		if len(b.people) == r.batch || named[n.Devices[0]] {
			r.batches = append(r.batches, b)
			b = batch{}
			clear(named)
		}
		if b.people == nil {
			most := min(r.batch, len(r.out)-i)
			b = batch{make([]int, 0, most), make([]aliyun.Notice, 0, most)}
		}
		b.people, b.notices = append(b.people, i), append(b.notices, n)
		named[n.Devices[0]] = true
	}
	if len(b.people) > 0 {
		r.batches = append(r.batches, b)
	}
}

func (r *run) work(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case r.channel.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		n := int(r.next.Add(1)) - 1
		if n >= len(r.batches) {
			<-r.channel.slots
			return
		}
		b := r.batches[n]
		for _, i := range b.people {
			r.begin(i)
		}
		r.carry(ctx, b)
		<-r.channel.slots
	}
}

// wholly is how many calls of a batch may be refused, while nobody has been sent this message, before the message
// itself is at fault: halves, quarters and eighths.
const wholly = 15

// carry makes the call of a batch. One that is refused is made again for each half of its people, so that a bad
// task fails nobody else.
func (r *run) carry(ctx context.Context, whole batch) {
	type alone struct {
		batch
		notify.Verdict
	}
	var bad []alone
	queue := []batch{whole}
	for calls := 1; len(queue) > 0; calls++ {
		b := queue[0]
		queue = queue[1:]
		ids, v := r.attempt(ctx, b)
		refused, half := refusal(v), len(b.people)/2
		switch {
		case v.Class == notify.ClassAccepted:
			r.taken.Store(true)
			r.answerAll(b, ids, v)
		case refused && half > 0 && ctx.Err() != nil: // they were provably not sent to
			r.answerAll(b, nil, notify.Verdict{Class: notify.ClassRetry, Code: v.Code})
		case refused && half > 0 && (calls < wholly || r.taken.Load()):
			queue = append(queue, batch{b.people[:half], b.notices[:half]}, batch{b.people[half:], b.notices[half:]})
		case refused:
			bad = append(bad, alone{b, v})
		default:
			r.answerAll(b, nil, v)
		}
	}
	for _, b := range bad {
		if r.taken.Load() { // from others: it is this person's words that are refused
			b.Class = notify.ClassRcptSoft
		}
		r.answerAll(b.batch, nil, b.Verdict)
	}
}

// refusal tells whether a call was read and refused for what is in it.
func refusal(v notify.Verdict) bool {
	return v.Class == notify.ClassBug || v.Class == notify.ClassRcptSoft
}

func (r *run) answerAll(b batch, ids []string, v notify.Verdict) {
	for k, i := range b.people {
		if len(ids) > 0 {
			v.ProviderID = ids[min(k, len(ids)-1)]
		}
		r.answer(i, v)
	}
}

// attempt makes a call, and again under the same token while it has no clear answer.
func (r *run) attempt(ctx context.Context, b batch) (ids []string, v notify.Verdict) {
	token := r.token(b)
	for again := 0; ; again++ {
		ids, err := r.call(ctx, b, token)
		if err == nil {
			return ids, notify.Verdict{Class: notify.ClassAccepted, Code: "OK"}
		}
		v = codes.Table{}.Judge(err, r.channel.opt.Clock.Now()) // the app has no codes of its own: unknown is never permanent
		// The first call may be under way still when it timed out, and the provider does not tell two at a time apart.
		if again >= r.channel.opt.Repeats || v.Class != notify.ClassInDoubt || v.Code == "timeout" || ctx.Err() != nil {
			return nil, v
		}
	}
}

func (r *run) call(ctx context.Context, b batch, token string) (ids []string, err error) {
	c := r.channel
	expires := c.opt.Clock.Now().Add(c.opt.KeptFor)
	if r.personal {
		return c.client.MassPush(ctx, c.app, b.notices, expires, token)
	}
	n := aliyun.Notice{Title: b.notices[0].Title, Body: b.notices[0].Body}
	for _, one := range b.notices {
		n.Devices = append(n.Devices, one.Devices...)
	}
	id, err := c.client.Push(ctx, c.app, n, expires, token)
	return []string{id}, err
}

// token is the same for the same people's deliveries, so that the provider knows a repeated call.
func (r *run) token(b batch) string {
	var all []byte
	for _, i := range b.people {
		all = append(append(all, r.out[i].OutID...), 0)
	}
	sum := sha256.Sum256(all)
	return uuid.UUID(sum[:16]).String()
}
