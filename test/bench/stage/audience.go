//go:build unix

package stage

import (
	"io"
	"strconv"

	"tocsin/test/bench/bare"
)

// Audience is people with numbers from 0, each with an address on every channel; the number is in it.
type Audience struct {
	People  int64
	Channel string // the one each person wants
	CSV     bool
}

// locale is everybody's language.
const locale = "en"

// PhonePlaces is how many people can be told apart by their reserved number.
const PhonePlaces = 100_000

func (a Audience) reader() io.Reader { return &rows{Audience: a} }

// rows writes people as they are read.
type rows struct {
	Audience
	next int64
	buf  []byte
	at   int
}

// Read gives the next bytes.
func (r *rows) Read(p []byte) (int, error) {
	if r.at == len(r.buf) {
		if r.fill(); len(r.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.buf[r.at:])
	r.at += n
	return n, nil
}

func (r *rows) fill() {
	r.buf, r.at = r.buf[:0], 0
	if r.CSV && r.next == 0 {
		r.buf = append(r.buf, "person_key,name,email,phone,push_id,push_provider,push_target,locale,jurisdiction,channels\n"...)
	}
	for ; len(r.buf) < 64<<10 && r.next < r.People; r.next++ {
		if r.CSV {
			r.row("", ",示例用户", ",", ",+86139000", ",d", ",aliyun,DEVICE,"+locale+",CN,", "\n")
		} else {
			r.row(`{"person_key":"`, `","name":"示例用户`, `","emails":["`, `"],"phones":["+86139000`, `"],"push":[{"provider":"aliyun","target":"DEVICE","id":"d`,
				`"}],"locale":"`+locale+`","jurisdiction":"CN","channels":["`, "\"]}\n")
		}
	}
}

// row puts a person's values between the given pieces.
func (r *rows) row(key, name, email, phone, device, rest, end string) {
	b := append(r.buf, key...)
	b = digits(append(b, 'k'), r.next, 8)
	b = digits(append(b, name...), r.next, 8)
	b = append(append(b, email...), bare.Address(r.next)...)
	b = digits(append(b, phone...), r.next%PhonePlaces, 5)
	b = digits(append(b, device...), r.next, 8)
	b = append(append(b, rest...), r.Channel...)
	r.buf = append(b, end...)
}

func digits(b []byte, n int64, width int) []byte {
	s := strconv.FormatInt(n, 10)
	for range width - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}
