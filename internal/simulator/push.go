package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tokenLife  = 15 * time.Minute // of an idempotent token (channels.md 3)
	targetLife = 24 * time.Hour   // of a message whose targets come later
	callsPerID = 10_000           // of ContinuouslyPush
)

// pushBook keeps what calls refer back to.
type pushBook struct {
	mu     sync.Mutex
	tokens map[string]pushed // first results by idempotent token
	waits  map[string]*waiting
	wide   []time.Time      // pushes to everybody
	sent   map[string]int64 // targets by message id, with the day
}

type pushed struct {
	at   time.Time
	body map[string]any
}

// waiting is a message made with Target=TBD.
type waiting struct {
	until       time.Time
	calls       int
	title, body string
	label       string
}

func newPushBook() *pushBook {
	return &pushBook{tokens: map[string]pushed{}, waits: map[string]*waiting{}, sent: map[string]int64{}}
}

// notice is one message to some targets, in whichever form it came.
type notice struct {
	target, values, kind, device, title, body, label, env string
	offline                                               bool
	expires                                               string
}

func noticeOf(get func(string) string) notice {
	return notice{target: get("Target"), values: get("TargetValue"), kind: get("PushType"), device: get("DeviceType"), title: get("Title"), body: get("Body"),
		label: get("JobKey"), env: get("iOSApnsEnv"), offline: get("StoreOffline") == "true", expires: get("ExpireTime")}
}

func (n *notice) targets() []string { return strings.Split(n.values, ",") }

// rule names the parameter that breaks a rule.
func (n *notice) rule(now time.Time, most int) string {
	switch {
	case n.title == "":
		return "Title"
	case n.body == "":
		return "Body"
	case len(n.title)+len(n.body) > 1800:
		return "Body"
	case !slices.Contains([]string{"DEVICE", "ACCOUNT", "ALIAS", "TBD", "ALL"}, n.target):
		return "Target"
	case n.target != "TBD" && n.target != "ALL" && (len(n.targets()) > most || slices.Contains(n.targets(), "")):
		return "TargetValue"
	case !slices.Contains([]string{"NOTICE", "MESSAGE"}, n.kind):
		return "PushType"
	case !slices.Contains([]string{"ANDROID", "iOS", "HARMONY", "ALL"}, n.device):
		return "DeviceType"
	case n.env != "" && n.env != "DEV" && n.env != "PRODUCT", n.env == "" && (n.device == "ALL" || n.device == "iOS"):
		return "IOSApnsEnv"
	}
	if n.offline && n.expires != "" {
		at, err := time.Parse("2006-01-02T15:04:05Z", n.expires)
		if err != nil || at.Before(now) || at.After(now.Add(72*time.Hour+time.Minute)) {
			return "ExpireTime"
		}
	}
	return ""
}

func (s *Simulator) refusePush(w http.ResponseWriter, rule string) {
	s.Journal.refuse("push", strings.ToLower(rule))
	s.fail(w, &rpcError{http.StatusBadRequest, "Invalid" + rule + ".Format", "The specified parameter " + rule + " is not valid."})
}

// push is Push: one notification for up to a thousand targets; unknown devices are dropped without a word.
func (s *Simulator) push(w http.ResponseWriter, r *http.Request) {
	if !s.require(w, r.Form, "push", "AppKey", "PushType", "Target", "Title", "Body") {
		return
	}
	s.pushAll(w, r, []notice{noticeOf(r.Form.Get)}, 1000, func(ids []string) map[string]any { return map[string]any{"MessageId": ids[0]} })
}

// massPush is MassPush: up to a hundred messages with targets of their own.
func (s *Simulator) massPush(w http.ResponseWriter, r *http.Request) {
	var tasks []notice
	for n := 1; r.Form.Get(fmt.Sprintf("PushTask.%d.Target", n)) != ""; n++ {
		tasks = append(tasks, noticeOf(func(name string) string { return r.Form.Get(fmt.Sprintf("PushTask.%d.%s", n, name)) }))
	}
	s.pushAll(w, r, tasks, 100, massAnswer)
}

func massAnswer(ids []string) map[string]any {
	return map[string]any{"MessageIds": map[string]any{"MessageId": ids}}
}

// pushAll takes a call of one or more messages, whole or not at all. The faults of a batch are those of its
// first troubled target.
func (s *Simulator) pushAll(w http.ResponseWriter, r *http.Request, tasks []notice, most int, body func(ids []string) map[string]any) {
	now, total := s.Now(), 0
	if _, err := strconv.ParseInt(r.Form.Get("AppKey"), 10, 64); err != nil {
		s.refusePush(w, "AppKey")
		return
	}
	var troubles []Fault
	for _, n := range tasks {
		if rule := n.rule(now, 1000); rule != "" {
			s.refusePush(w, rule)
			return
		}
		for _, device := range n.targets() {
			troubles = append(troubles, s.trouble("push", aliyunPush, device))
			total++
		}
	}
	if len(tasks) == 0 || len(tasks) > 100 || most == 100 && total > 10_000 {
		s.refusePush(w, "PushTask")
		return
	}
	fault := first(troubles)
	if fault.refuses() && !fault.Accept {
		s.Journal.refuse("push", "")
		s.strikeHTTP(w, r, fault)
		return
	}
	token := r.Form.Get("IdempotentToken")
	if first, again := s.pushes.replay(token, now); again {
		answer(w, http.StatusOK, first)
		return
	}
	var ids []string
	for i := range tasks {
		if tasks[i].target == "ALL" && !s.pushes.everybody(now) {
			s.fail(w, &rpcError{http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control."})
			return
		}
		ids = append(ids, s.takePush(&tasks[i], now))
	}
	result := body(ids)
	result["RequestId"] = s.requestID()
	defer s.pushes.done(token, result, now) // after the answer: two calls at once are both sent
	s.succeed(w, r, fault, result)
}

// takePush journals a message for each of its targets.
func (s *Simulator) takePush(n *notice, now time.Time) (id string) {
	id = fmt.Sprintf("5%015d", s.receipts.number())
	switch n.target {
	case "TBD":
		s.pushes.wait(id, &waiting{until: now.Add(targetLife), title: n.title, body: n.body, label: n.label})
		return id
	case "ALL":
		n.values = "(everybody)"
	}
	s.arrive(n.targets(), n.title, n.body, n.label, now)
	s.pushes.count(id, now, int64(len(n.targets())))
	return id
}

func (s *Simulator) arrive(devices []string, title, body, label string, now time.Time) {
	for _, device := range devices {
		if k := magicKind("push", []byte(device)); k != nil && k.Fault.Later == laterNothing {
			s.Journal.drop("push")
			continue
		}
		s.Journal.accept("push", aliyunPush, []byte(device), []byte(dotted(label)), func() Entry { return Entry{At: now, Title: title, Body: body} })
	}
}

// replay gives the first result of a token.
func (b *pushBook) replay(token string, now time.Time) (map[string]any, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, known := b.tokens[strings.ToLower(token)]
	return p.body, known && token != "" && now.Sub(p.at) <= tokenLife
}

// done remembers the result of a token, and forgets old ones when there are many.
func (b *pushBook) done(token string, result map[string]any, now time.Time) {
	if token == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tokens) > 100_000 {
		for t, p := range b.tokens {
			if now.Sub(p.at) > tokenLife {
				delete(b.tokens, t)
			}
		}
	}
	b.tokens[strings.ToLower(token)] = pushed{now, result}
}

// everybody allows a push to all: a second apart, ten in ten minutes.
func (b *pushBook) everybody(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wide = slices.DeleteFunc(b.wide, func(t time.Time) bool { return now.Sub(t) > 10*time.Minute })
	if n := len(b.wide); n >= 10 || n > 0 && now.Sub(b.wide[n-1]) < time.Second {
		return false
	}
	b.wide = append(b.wide, now)
	return true
}
