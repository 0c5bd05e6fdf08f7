package simulator

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	perDay     = 50      // notices per signature, template and number in 24 hours (channels.md 2.2)
	generation = 500_000 // SMS records kept whole in each of two generations, for queries
	wallClock  = "2006-01-02 15:04:05"
)

var (
	beijing = time.FixedZone("CST", 8*3600)
	mobile  = regexp.MustCompile(`^(?:\+?86|0086)?(1[3-9][0-9]{9})$`)
	anyURL  = regexp.MustCompile(`(?i)://|www\.|\.(com|cn|net|org|example)\b`)
)

// smsRecord is what a provider knows of one message.
type smsRecord struct {
	who            uint64 // provider and phone, hashed
	next           int32  // the same phone's record before it, -1 for none
	id, outID      string
	template, code string
	sentAt         time.Time
	receivedAt     time.Time // zero: not yet
	status         int       // 1 waiting, 2 failed, 3 delivered
}

// smsBook keeps the registry, quotas, the balance and the last records.
type smsBook struct {
	mu       sync.Mutex
	terms    SMSTerms
	spent    int64
	today    string // Beijing's day of spent
	quota    map[uint64][]uint32
	swept    time.Time
	now, old records
}

type records struct {
	list []smsRecord
	last map[uint64]int32
}

// SMSTerms are what an SMS account has: balance, caps, approved signatures and templates.
type SMSTerms struct {
	Limited   bool                `json:"limited"` // the balance counts
	Balance   int64               `json:"balance"` // segments
	DayCap    int64               `json:"day_cap"`
	Signs     []string            `json:"signs"`
	Unfiled   []string            `json:"unfiled"`
	Templates map[string][]string `json:"templates"`
	Texts     map[string]string   `json:"texts"`
	AcceptBad bool                `json:"accept_bad"`
	Overseas  bool                `json:"overseas"`
}

func newSMSBook(o Options) *smsBook {
	return &smsBook{quota: map[uint64][]uint32{}, now: records{last: map[uint64]int32{}}, terms: SMSTerms{
		Limited: o.Balance > 0, Balance: o.Balance, DayCap: o.DayCap, Signs: o.Signs, Unfiled: o.Unfiled, Templates: o.Templates, Texts: o.Texts,
		AcceptBad: o.AcceptBad, Overseas: o.Overseas,
	}}
}

// Terms are what the SMS account has now.
func (s *Simulator) Terms() SMSTerms {
	s.sms.mu.Lock()
	defer s.sms.mu.Unlock()
	return s.sms.terms
}

// SetTerms changes what the SMS account has, such as the balance in the middle of a campaign.
func (s *Simulator) SetTerms(t SMSTerms) {
	s.sms.mu.Lock()
	defer s.sms.mu.Unlock()
	s.sms.terms = t
}

// bare is a number as the journal has it: a mainland one as eleven digits, any other in E.164.
func bare(phone string) string {
	if m := mobile.FindStringSubmatch(phone); m != nil {
		return m[1]
	}
	return "+" + strings.TrimPrefix(strings.TrimPrefix(phone, "+"), "00")
}

// variables checks the values of a template and gives them.
func (t *SMSTerms) variables(template, param string) (values map[string]string, code, message string) {
	raw := map[string]any{}
	if param != "" && json.Unmarshal([]byte(param), &raw) != nil {
		return nil, "isv.INVALID_JSON_PARAM", "JSON参数不合法"
	}
	for _, name := range t.Templates[template] {
		if _, ok := raw[name]; !ok {
			return nil, "isv.TEMPLATE_MISSING_PARAMETERS", "模板缺少变量"
		}
	}
	values = map[string]string{}
	for name, v := range raw {
		text, ok := v.(string)
		switch n := utf8.RuneCountInString(text); {
		case !ok:
			return nil, "isv.INVALID_JSON_PARAM", "参数必须为字符串"
		case n < 1 || n > 35:
			return nil, "isv.PARAM_LENGTH_LIMIT", "参数超出长度限制"
		case anyURL.MatchString(text):
			return nil, "isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL"
		}
		values[name] = text
	}
	return values, "", ""
}

// approved checks signature and template against the registry.
func (t *SMSTerms) approved(sign, template string) (code, message string) {
	if len(t.Signs) > 0 && !slices.Contains(t.Signs, sign) && !slices.Contains(t.Unfiled, sign) {
		return "isv.SMS_SIGNATURE_ILLEGAL", "签名不合法"
	}
	if _, known := t.Templates[template]; len(t.Templates) > 0 && !known {
		return "isv.SMS_TEMPLATE_ILLEGAL", "模板不合法"
	}
	return "", ""
}

// wording is the text as the phone shows it, as far as the template's is known.
func (t *SMSTerms) wording(sign, template string, values map[string]string) string {
	text, known := t.Texts[template]
	if !known {
		return ""
	}
	for name, v := range values {
		text = strings.ReplaceAll(text, "${"+name+"}", v)
	}
	return "【" + sign + "】" + text
}

// segments is the billed size: 70 characters, else pieces of 67. A wording that is not known counts 40.
func segments(text, sign string, values map[string]string) int64 {
	n := int64(utf8.RuneCountInString(text))
	if text == "" {
		n = int64(utf8.RuneCountInString(sign)) + 42
		for _, v := range values {
			n += int64(utf8.RuneCountInString(v))
		}
	}
	if n <= 70 {
		return 1
	}
	return (n + 66) / 67
}

// used is how many messages of a quota fell into the last d, the newest counted in.
func (b *smsBook) used(key uint64, now time.Time, d time.Duration) (n int) {
	since := uint32(max(0, now.Add(-d).Unix()))
	for _, at := range b.quota[key] {
		if at > since {
			n++
		}
	}
	return n
}

// count puts a message into a quota and forgets what is older than a day.
func (b *smsBook) count(key uint64, now time.Time) {
	day := uint32(max(0, now.Add(-24*time.Hour).Unix()))
	if now.Sub(b.swept) > 24*time.Hour {
		for k, list := range b.quota {
			if list[len(list)-1] <= day {
				delete(b.quota, k)
			}
		}
		b.swept = now
	}
	list := b.quota[key]
	for len(list) > 0 && list[0] <= day {
		list = list[1:]
	}
	b.quota[key] = append(list, uint32(now.Unix()))
}

// pay takes the price, or says what lacks.
func (b *smsBook) pay(cost int64, now time.Time) (code, message string) {
	if day := now.In(beijing).Format("20060102"); b.today != day {
		b.today, b.spent = day, 0
	}
	t := &b.terms
	switch {
	case t.DayCap > 0 && b.spent+cost > t.DayCap:
		return "isv.DAY_LIMIT_CONTROL", "触发日发送限额"
	case t.Limited && t.Balance < cost:
		return "isv.AMOUNT_NOT_ENOUGH", "账户余额不足"
	}
	t.Balance -= cost
	b.spent += cost
	return "", ""
}

func who(provider, phone string) uint64 {
	return fnv1a(fnv1a(fnv1a(uint64(fnvOffset), provider), "\x00"), phone)
}

// keep remembers a record; the older half is forgotten when there are too many.
func (b *smsBook) keep(r smsRecord) {
	if len(b.now.list) >= generation {
		b.old, b.now = b.now, records{last: map[uint64]int32{}}
	}
	r.next = -1
	if i, known := b.now.last[r.who]; known {
		r.next = i
	}
	b.now.last[r.who] = int32(len(b.now.list))
	b.now.list = append(b.now.list, r)
}

// find lists a phone's records at a provider, oldest first.
func (b *smsBook) find(provider, phone string) (list []smsRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := who(provider, phone)
	for _, g := range []*records{&b.now, &b.old} {
		if i, known := g.last[key]; known {
			for ; i >= 0; i = g.list[i].next {
				list = append(list, g.list[i])
			}
		}
	}
	slices.Reverse(list)
	return list
}
