package push_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tocsin/internal/aliyun"
	"tocsin/notify"
	"tocsin/notify/channel/push"
)

// mass is a double of MassPush: at most 100 tasks of one device, the first result again for a token it knows,
// and as often as the test says no answer after the work is done.
type mass struct {
	mu     sync.Mutex
	cut    int // calls that are not answered
	calls  int
	refuse string // a device whose task makes the whole call refused; "*": any
	tokens map[string][]string
	tasks  map[string][]map[string]string // by device
}

func (d *mass) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = r.ParseForm() // what is missing then shows in the test
	d.calls++
	for name, values := range r.Form {
		if strings.HasSuffix(name, ".TargetValue") && (d.refuse == values[0] || d.refuse == "*") {
			http.Error(w, `{"Code":"InvalidTitle.Format"}`, http.StatusBadRequest)
			return
		}
	}
	token := r.Form.Get("IdempotentToken")
	ids, known := d.tokens[token]
	for n := 1; !known && n <= 101; n++ {
		task := map[string]string{}
		for name := range r.Form {
			if field, ok := strings.CutPrefix(name, fmt.Sprintf("PushTask.%d.", n)); ok {
				task[field] = r.Form.Get(name)
			}
		}
		if len(task) == 0 {
			break
		}
		if n > 100 {
			http.Error(w, `{"Code":"InvalidPushTask.Format"}`, http.StatusBadRequest)
			return
		}
		d.tasks[task["TargetValue"]] = append(d.tasks[task["TargetValue"]], task)
		ids = append(ids, fmt.Sprintf("m-%s", task["TargetValue"]))
	}
	d.tokens[token] = ids
	if d.cut > 0 {
		d.cut--
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"RequestId": "r", "MessageIds": map[string]any{"MessageId": ids}}) // the caller may be gone
}

// settled waits until no call is being answered any more: one that was cut goes on for a moment.
func (d *mass) settled() func() {
	d.mu.Lock()
	return d.mu.Unlock
}

func massChannel(t *testing.T, cut int, o push.Options) (*mass, *push.Channel) {
	d := &mass{cut: cut, tokens: map[string][]string{}, tasks: map[string][]map[string]string{}}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d, connect(t, strings.TrimPrefix(s.URL, "http://"), o)
}

// A text that differs goes out for a hundred people a call, each their own, with an id each.
func TestPersonalTextIsMassPushed(t *testing.T) {
	d, c := massChannel(t, 0, push.Options{Vendor: aliyun.Vendor{Android: "notices"}, KeptFor: time.Hour})
	out := people(230)
	out[3].Code = ""
	out[4].Address = "two,devices"
	for i, v := range send(t, c, notice("安全通知 [[ref]]", "检查码 [[code]] [[other]]"), out...) {
		switch i {
		case 3:
			require.Equal(t, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}, v)
			continue
		case 4:
			require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-device"}, v)
			continue
		}
		require.Equal(t, notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: "m-" + out[i].Address}, v)
		require.Len(t, d.tasks[out[i].Address], 1)
		task := d.tasks[out[i].Address][0]
		require.Equal(t, "安全通知 N-2026-1", task["Title"])
		require.Equal(t, fmt.Sprintf("检查码 CODE%06d [[other]]", i), task["Body"])
		require.Equal(t, strings.ReplaceAll(out[i].OutID, ".", "-"), task["JobKey"])
		require.Equal(t, "notices", task["AndroidNotificationChannel"])
		expires, err := time.Parse(time.RFC3339, task["ExpireTime"])
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(time.Hour), expires, time.Minute)
	}
	require.Equal(t, 3, d.calls)
	for token := range d.tokens {
		_, err := uuid.Parse(token)
		require.NoError(t, err)
	}
}

// A call that was not answered is made again under its token; nobody is told twice. Without repeats it is in
// doubt, as is one that stays unanswered.
func TestUnansweredCallIsRepeatedUnderItsToken(t *testing.T) {
	m := notice("t", "[[ref]]")
	for cut, want := range map[int]notify.Class{1: notify.ClassAccepted, 2: notify.ClassAccepted, 3: notify.ClassInDoubt} {
		d, c := massChannel(t, cut, push.Options{})
		for _, v := range send(t, c, m, people(5)...) {
			require.Equal(t, want, v.Class)
		}
		done := d.settled()
		require.Equal(t, min(cut+1, 3), d.calls)
		require.Len(t, d.tokens, 1)
		for device, tasks := range d.tasks {
			require.Len(t, tasks, 1, device)
		}
		done()
	}
	d, c := massChannel(t, 1, push.Options{Repeats: -1})
	require.Equal(t, notify.ClassInDoubt, send(t, c, m, people(1)...)[0].Class)
	defer d.settled()()
	require.Equal(t, 1, d.calls)
}

// A brand is the person's own affair: who has none is left to the next channel, and nobody else.
func TestBrandIsThePersons(t *testing.T) {
	_, c := massChannel(t, 0, push.Options{})
	out := people(3)
	out[0].Brand, out[2].Brand = "示例商城", strings.Repeat("长", 700)
	v := send(t, c, notice("[[brand]]", "b"), out...)
	require.Equal(t, notify.ClassAccepted, v[0].Class)
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "slot-missing"}, v[1])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "too-long"}, v[2])
}

// One task that the provider refuses fails nobody else; a message that it refuses for everybody is a fault of ours,
// found within few calls.
func TestRefusedTaskFailsAlone(t *testing.T) {
	for _, n := range []int{100, 2} {
		d, c := massChannel(t, 0, push.Options{})
		out := people(n)
		d.refuse = out[n/3].Address
		for i, v := range send(t, c, notice("t", "[[ref]]"), out...) {
			if i == n/3 {
				require.Equal(t, notify.Verdict{Class: notify.ClassRcptSoft, Code: "InvalidTitle.Format"}, v)
				continue
			}
			require.Equal(t, notify.ClassAccepted, v.Class, i)
			require.Len(t, d.tasks[out[i].Address], 1)
		}
		require.LessOrEqual(t, d.calls, 15)
	}
	d, c := massChannel(t, 0, push.Options{})
	d.refuse = "*"
	for _, v := range send(t, c, notice("t", "[[ref]]"), people(100)...) {
		require.Equal(t, notify.Verdict{Class: notify.ClassBug, Code: "InvalidTitle.Format"}, v)
	}
	require.LessOrEqual(t, d.calls, 40)
}
