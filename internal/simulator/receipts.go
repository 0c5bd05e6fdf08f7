package simulator

import (
	"bytes"
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
	maxWaiting  = 200_000                // receipts kept; more are lost, as they may be in life
)

// again is when a receipt that was not taken is pushed again; then it is lost.
var again = [...]time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute}

// receipt is one piece of later word, waiting for its time.
type receipt struct {
	due      time.Time
	order    int64
	provider string
	sms      smsReport
	mail     string
	tries    int
}

// smsReport is one element of the SMS callback (channels.md 2.4).
type smsReport struct {
	Phone      string `json:"phone_number"`
	SendTime   string `json:"send_time"`
	ReportTime string `json:"report_time"`
	Success    bool   `json:"success"`
	ErrCode    string `json:"err_code"`
	ErrMsg     string `json:"err_msg"`
	Size       string `json:"sms_size"`
	BizID      string `json:"biz_id"`
	OutID      string `json:"out_id"`
}

// receipts holds what is to be sent back and sends what is due.
type receipts struct {
	opt    Options
	client *http.Client

	sending sync.Mutex // one flush at a time
	mu      sync.Mutex
	url     string
	queue   queue
	last    int64
	seen    map[string]bool // greylisted
	lost    int64
}

func newReceipts(o Options) *receipts {
	return &receipts{opt: o, url: o.Callback, seen: map[string]bool{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}}
}

func (r *receipts) setCallback(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.url = url
}

// number gives a new number.
func (r *receipts) number() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	return r.last
}

// first reports whether key is new.
func (r *receipts) first(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	return true
}

func (r *receipts) add(x receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) >= maxWaiting {
		r.lost++
		return
	}
	r.last++
	x.order = r.last
	heap.Push(&r.queue, x)
}

// run flushes until ctx ends. It looks at the handed-in clock every few moments, since that may be a test's.
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

// flush sends what is due: SMS receipts in arrays, mails one by one.
func (r *receipts) flush(ctx context.Context) {
	r.sending.Lock()
	defer r.sending.Unlock()
	for ctx.Err() == nil {
		url, sms, mails := r.take()
		if len(sms) == 0 && len(mails) == 0 {
			return
		}
		if len(sms) > 0 {
			reports := make([]smsReport, len(sms))
			for i, x := range sms {
				reports[i] = x.sms
			}
			body, _ := json.Marshal(reports) // strings and bools always encode
			if !r.post(ctx, url, "aliyun-sms", "application/json;charset=utf-8", body) {
				r.retry(sms)
			}
		}
		for _, x := range mails {
			if !r.post(ctx, url, "smtp-dsn", "message/rfc822", []byte(x.mail)) {
				r.retry([]receipt{x})
			}
		}
	}
}

// take removes up to one batch of what is due.
func (r *receipts) take() (url string, sms, mails []receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.opt.Clock.Now()
	for len(r.queue) > 0 && !r.queue[0].due.After(now) && len(sms) < r.opt.Batch && len(mails) < r.opt.Batch {
		x := heap.Pop(&r.queue).(receipt)
		switch {
		case r.url == "": // nobody to tell
		case x.provider == "smtp-dsn":
			mails = append(mails, x)
		default:
			sms = append(sms, x)
		}
	}
	return r.url, sms, mails
}

func (r *receipts) retry(list []receipt) {
	for _, x := range list {
		if x.tries == len(again) {
			r.mu.Lock()
			r.lost++
			r.mu.Unlock()
			continue
		}
		x.due = r.opt.Clock.Now().Add(again[x.tries])
		x.tries++
		r.add(x)
	}
}

// post pushes one callback and reports whether it was taken: 200, and for SMS a numeric code.
func (r *receipts) post(ctx context.Context, url, provider, contentType string, body []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, receiptTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.ReplaceAll(url, "{provider}", provider), bytes.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := r.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || resp.StatusCode != http.StatusOK && (provider == "aliyun-sms" || resp.StatusCode/100 != 2) {
		return false
	}
	if provider != "aliyun-sms" {
		return true
	}
	var ack struct {
		Code *json.Number `json:"code"`
	}
	return json.Unmarshal(answer, &ack) == nil && ack.Code != nil && !strings.Contains(string(answer), `"code":"`)
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
	*q = old[:len(old)-1]
	return x
}
