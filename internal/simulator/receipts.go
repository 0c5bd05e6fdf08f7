package simulator

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	receiptTime = 700 * time.Millisecond // the provider waits no longer for an answer
	maxWaiting  = 1_000_000              // receipts kept; more are lost, as they may be in life
	posts       = 4                      // at once
)

// The providers of receipts, as they stand in the callback's address.
const (
	mainlandReceipts = "aliyun-sms"
	abroadReceipts   = "aliyun-sms-intl"
	tencentReceipts  = "tencent-sms"
	smtpDSN          = "smtp-dsn"
)

// manner is how one provider's receipts are sent.
type manner struct {
	again []time.Duration // when a receipt that was not taken is pushed again; then it is lost
	ack   string          // the numeric field that acknowledges
	zero  bool            // it must be 0
}

var manners = map[string]manner{
	mainlandReceipts: {again: []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}, ack: "code"},
	abroadReceipts:   {again: []time.Duration{time.Minute, 5 * time.Minute}, ack: "code", zero: true},
	tencentReceipts:  {again: []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}, ack: "result", zero: true},
	smtpDSN:          {again: []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}},
}

// receipt is one piece of later word, waiting for its time: an element of a callback, or a letter.
type receipt struct {
	due      time.Time
	order    int64
	provider string
	element  any
	letter   *letter
	tries    int
}

// receipts holds what is to be sent back and sends what is due.
type receipts struct {
	opt    Options
	clock  *virtual
	client *http.Client

	sending  sync.Mutex // one flush at a time
	mu       sync.Mutex
	url      string
	fallback string // while nobody has said another place
	queue    queue
	last     int64
	lost     int64
}

func newReceipts(o Options, c *virtual) *receipts {
	return &receipts{opt: o, clock: c, url: o.Callback, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: posts}}}
}

func (r *receipts) setCallback(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.url = url
}

func (r *receipts) callback() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.url, r.fallback)
}

// setFallback is where receipts go as long as nobody has said another place.
func (r *receipts) setFallback(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fallback = url
}

// number gives a new number.
func (r *receipts) number() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	return r.last
}

func (r *receipts) add(x receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cmp.Or(r.url, r.fallback) == "" && (x.letter == nil || r.opt.BounceSMTP == "") {
		return // nobody to tell
	}
	if len(r.queue) >= maxWaiting {
		r.lost++
		return
	}
	r.last++
	x.order = r.last
	heap.Push(&r.queue, x)
}

func (r *receipts) waiting() (waiting, lost int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.queue)), r.lost
}

// run flushes until ctx ends. It looks at the simulated clock every few moments, since people move it.
func (r *receipts) run(ctx context.Context) {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			r.flush(ctx)
		}
	}
}

// flush sends what is due, in batches, a few at once.
func (r *receipts) flush(ctx context.Context) {
	r.sending.Lock()
	defer r.sending.Unlock()
	for ctx.Err() == nil {
		var round sync.WaitGroup
		some := false
		for range posts {
			batches := r.take()
			for provider, batch := range batches {
				some = true
				round.Go(func() { r.retry(r.send(ctx, provider, batch)) })
			}
		}
		round.Wait()
		if !some {
			return
		}
	}
}

// take removes what is due, up to one batch of each provider.
func (r *receipts) take() map[string][]receipt {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	batches := map[string][]receipt{}
	for len(r.queue) > 0 && !r.queue[0].due.After(now) {
		if p := r.queue[0].provider; len(batches[p]) == r.opt.Batch {
			break
		}
		x := heap.Pop(&r.queue).(receipt)
		batches[x.provider] = append(batches[x.provider], x)
	}
	return batches
}

// send sends a batch and gives back what was not taken.
func (r *receipts) send(ctx context.Context, provider string, batch []receipt) (again []receipt) {
	switch {
	case provider != smtpDSN:
		elements := make([]any, len(batch))
		for i, x := range batch {
			elements[i] = x.element
		}
		body, _ := json.Marshal(elements) // strings and bools always encode
		if !r.post(ctx, provider, "application/json;charset=utf-8", body) {
			again = batch
		}
	case r.opt.BounceSMTP != "":
		again = r.deliver(ctx, batch)
	default:
		for _, x := range batch {
			if !r.post(ctx, provider, "message/rfc822", x.letter.write(x.order, r.clock.Now())) {
				again = append(again, x)
			}
		}
	}
	return again
}

// retry schedules anew what was not taken, until the provider gives up.
func (r *receipts) retry(list []receipt) {
	for _, x := range list {
		again := manners[x.provider].again
		if x.tries == len(again) {
			r.mu.Lock()
			r.lost++
			r.mu.Unlock()
			continue
		}
		x.due = r.clock.Now().Add(again[x.tries])
		x.tries++
		r.add(x)
	}
}

// post pushes one callback and reports whether it was acknowledged as the provider wants it.
func (r *receipts) post(ctx context.Context, provider, contentType string, body []byte) bool {
	url := r.callback()
	if url == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, receiptTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.ReplaceAll(url, "{provider}", provider), bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := r.client.Do(req) //nolint:gosec // the address is the operator's own, set by who runs the simulator
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return false
	}
	if provider == smtpDSN {
		return resp.StatusCode/100 == 2
	}
	return resp.StatusCode == http.StatusOK && acknowledged(manners[provider], answer)
}

func acknowledged(c manner, answer []byte) bool {
	var fields map[string]json.RawMessage
	var n *float64
	if json.Unmarshal(answer, &fields) != nil || json.Unmarshal(fields[c.ack], &n) != nil {
		return false
	}
	return n != nil && (!c.zero || *n == 0)
}

// queue orders receipts by time, then by arrival.
type queue []receipt

func (q queue) Len() int { return len(q) }
func (q queue) Less(a, b int) bool {
	if !q[a].due.Equal(q[b].due) {
		return q[a].due.Before(q[b].due)
	}
	return q[a].order < q[b].order
}
func (q queue) Swap(a, b int) { q[a], q[b] = q[b], q[a] }
func (q *queue) Push(x any)   { *q = append(*q, x.(receipt)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = receipt{}
	*q = old[:len(old)-1]
	return x
}
