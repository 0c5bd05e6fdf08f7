package simulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// taskV2 is one message in the second form of the API; only what the double checks.
type taskV2 struct {
	Target       struct{ Type, Value, Platform string }
	Notification *struct{ Title, Body string }
	Message      *struct{ Title, Body string }
	JobKey       string
	Options      struct{ JobKey string }
}

func (t *taskV2) notice() notice {
	n := notice{target: t.Target.Type, values: t.Target.Value, device: t.Target.Platform, kind: "NOTICE", label: t.JobKey, env: "PRODUCT"}
	if n.label == "" {
		n.label = t.Options.JobKey
	}
	switch strings.ToUpper(n.device) {
	case "":
		n.device = "ALL"
	case "IOS":
		n.device = "iOS"
	}
	switch {
	case t.Notification != nil:
		n.title, n.body = t.Notification.Title, t.Notification.Body
	case t.Message != nil:
		n.kind, n.title, n.body = "MESSAGE", t.Message.Title, t.Message.Body
	}
	return n
}

// badToken answers when the idempotent token has not the form of a UUID.
func (s *Simulator) badToken(w http.ResponseWriter, r *http.Request) bool {
	token := r.Form.Get("IdempotentToken")
	if token == "" || uuid.MatchString(token) {
		return false
	}
	s.refusePush(w, "IdempotentToken")
	return true
}

// pushV2 is PushV2: as Push, with the message as JSON and an idempotent token.
func (s *Simulator) pushV2(w http.ResponseWriter, r *http.Request) {
	var t taskV2
	if !s.require(w, r.Form, "push", "AppKey", "PushTask") || s.badToken(w, r) {
		return
	}
	if json.Unmarshal([]byte(r.Form.Get("PushTask")), &t) != nil {
		s.refusePush(w, "PushTask")
		return
	}
	s.pushAll(w, r, []notice{t.notice()}, 1000, func(ids []string) map[string]any { return map[string]any{"MessageId": ids[0]} })
}

// massPushV2 is MassPushV2: as MassPush, with the messages as JSON and an idempotent token.
func (s *Simulator) massPushV2(w http.ResponseWriter, r *http.Request) {
	var list []taskV2
	if !s.require(w, r.Form, "push", "AppKey", "PushTasks") || s.badToken(w, r) {
		return
	}
	if json.Unmarshal([]byte(r.Form.Get("PushTasks")), &list) != nil {
		s.refusePush(w, "PushTasks")
		return
	}
	tasks := make([]notice, len(list))
	for i := range list {
		tasks[i] = list[i].notice()
	}
	s.pushAll(w, r, tasks, 100, func(ids []string) map[string]any { return map[string]any{"MessageIds": ids} })
}

func (b *pushBook) wait(id string, x *waiting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waits[id] = x
}

// more counts a call that names targets for a message; nil when the message is not there or used up.
func (b *pushBook) more(id string, now time.Time) *waiting {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.waits[id]
	if x == nil || now.After(x.until) || x.calls >= callsPerID {
		return nil
	}
	x.calls++
	return x
}

// continuouslyPush is ContinuouslyPush: further targets for a message made with Target=TBD.
func (s *Simulator) continuouslyPush(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "push", "AppKey", "MessageId", "Target", "TargetValue") {
		return
	}
	targets := strings.Split(p.Get("TargetValue"), ",")
	if len(targets) > 1000 {
		s.refusePush(w, "TargetValue")
		return
	}
	fault := s.trouble("push", aliyunPush, targets[0])
	if fault.refuses() && !fault.Accept {
		s.Journal.refuse("push", "")
		s.strikeHTTP(w, r, fault)
		return
	}
	now := s.Now()
	x := s.pushes.more(p.Get("MessageId"), now)
	if x == nil {
		s.refusePush(w, "MessageId")
		return
	}
	s.arrive(targets, x.title, x.body, x.label, now)
	s.pushes.count(p.Get("MessageId"), now, int64(len(targets)))
	s.succeed(w, r, fault, map[string]any{"RequestId": s.requestID(), "MessageId": p.Get("MessageId")})
}

// completePush is CompleteContinuouslyPush: no further targets come.
func (s *Simulator) completePush(w http.ResponseWriter, r *http.Request) {
	if !s.require(w, r.Form, "push", "AppKey", "MessageId") {
		return
	}
	s.pushes.mu.Lock()
	delete(s.pushes.waits, r.Form.Get("MessageId"))
	s.pushes.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "MessageId": r.Form.Get("MessageId")})
}

func statKey(id string, now time.Time) string { return id + " " + now.In(beijing).Format("20060102") }

func (b *pushBook) count(id string, now time.Time, targets int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sent) > 100_000 {
		clear(b.sent)
	}
	b.sent[statKey(id, now)] += targets
}

// pushStat is QueryPushStatByMsg: sums of the day before, which prove nothing about one person.
func (s *Simulator) pushStat(w http.ResponseWriter, r *http.Request) {
	if !s.require(w, r.Form, "push", "AppKey", "MessageId") {
		return
	}
	id, list := r.Form.Get("MessageId"), []map[string]any{}
	s.pushes.mu.Lock()
	if n := s.pushes.sent[statKey(id, s.Now().Add(-24*time.Hour))]; n > 0 {
		list = append(list, map[string]any{"MessageId": id, "AcceptCount": n, "SentCount": n, "ReceivedCount": n, "OpenedCount": 0})
	}
	s.pushes.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "PushStats": map[string]any{"PushStat": list}})
}
