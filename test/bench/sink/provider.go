package sink

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
)

// Call is one call as it came.
type Call struct{ Query, Body string }

var answers atomic.Int64

// provide answers the calls of the SMS and push APIs: everything is taken, nothing is checked.
func (s *Sink) provide(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	t := s.tally.Load()
	t.calls.Add(1)
	if was := s.call.Load(); was == nil || len(was.Query)+len(was.Body) < len(r.URL.RawQuery)+len(body) {
		s.call.Store(&Call{r.URL.RawQuery, string(body)})
	}
	told := 0
	for _, part := range [2]string{r.URL.RawQuery, string(body)} {
		for pair := range strings.SplitSeq(part, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if name == "PhoneNumbers" || name == "PhoneNumberJson" || strings.HasSuffix(name, "TargetValue") {
				told += addressed(t, value)
			}
		}
	}
	id := strconv.FormatInt(900619746936498440+answers.Add(1), 10)
	ids := strings.TrimSuffix(strings.Repeat(`"`+id+`",`, told), ",")
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"Code":"OK","Message":"OK","BizId":"`+id+`^0","MessageId":"`+id+`","MessageIds":{"MessageId":[`+ids+`]},"RequestId":"F655A8D5-B967-440B-8683-DAD6FF8DE990"}`)
}

// addressed marks each number or device of a list, and counts them: who it is are the last eight digits.
func addressed(t *tally, list string) (told int) {
	list, err := url.QueryUnescape(list)
	if err != nil {
		return 0
	}
	for one := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(`,[]" `, r) }) {
		n, err := strconv.ParseInt(one[max(0, len(one)-8):], 10, 64)
		if err == nil {
			t.messages.Add(1)
			t.got(n)
		}
		told++
	}
	return told
}
