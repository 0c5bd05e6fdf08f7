package aliyun

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the provider's signature version 1 is HMAC-SHA1
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/call"
)

// cpu reports what the process used for each call: on a busy machine the clock tells little.
func cpu(b *testing.B) {
	var before, after syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	b.Cleanup(func() {
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &after))
		used := after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(used)/float64(b.N)/1000, "cpu-µs/op")
	})
}

// sink answers every call alike and reads no more of it than it must, so that a benchmark measures clients.
func sink(b *testing.B, answer string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	reply := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(answer)) + "\r\n\r\n" + answer)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, reply)
		}
	}()
	return l.Addr().String()
}

func serve(conn net.Conn, reply []byte) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
			if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
	}
}

const accepted = `{"RequestId":"F655A8D5-B967-440B-8683-DAD6FF8DE990","Message":"OK","BizId":"900619746936498440^0","Code":"OK"}`

// bare is the same call by hand: sign, post, decode.
func bare(client *http.Client, addr string, m SMS, nonce int) error {
	v := url.Values{"Action": {"SendSms"}, "Version": {"2017-05-25"}, "Format": {"JSON"}, "RegionId": {"cn-hangzhou"}, "AccessKeyId": {"testid"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureType": {""}, "SignatureNonce": {strconv.Itoa(nonce)},
		"Timestamp": {time.Now().UTC().Format("2006-01-02T15:04:05Z")}, "PhoneNumbers": {m.Phone}, "SignName": {m.Sign},
		"TemplateCode": {m.Template}, "TemplateParam": {m.Params}, "OutId": {m.OutID}}
	text := v.Encode()
	text = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, "+", "%20"), "*", "%2A"), "%7E", "~")
	h := hmac.New(sha1.New, []byte("secret&"))
	h.Write([]byte("POST&%2F&" + url.QueryEscape(text)))
	v.Set("Signature", base64.StdEncoding.EncodeToString(h.Sum(nil)))
	resp, err := client.Post("http://"+addr+"/?"+v.Encode(), "application/x-www-form-urlencoded", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var a struct{ Code, BizId string }
	return json.Unmarshal(body, &a)
}

// BenchmarkSend compares a call through this package with the same call made by hand over net/http.
func BenchmarkSend(b *testing.B) {
	m := SMS{Phone: "13900000007", Sign: "示例科技", Template: "SMS_1", Params: `{"code":"0123456789ABC","ref":"N-2026-1"}`, OutID: "1.2s.sms.abcdefghijklmnop"}
	b.Run("bare", func(b *testing.B) {
		addr := sink(b, accepted)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		b.ReportAllocs()
		cpu(b)
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for i := 0; p.Next(); i++ {
				if err := bare(client, addr, m, i); err != nil {
					b.Error(err)
				}
			}
		})
		client.CloseIdleConnections()
	})
	b.Run("client", func(b *testing.B) {
		c, err := New(call.Options{Endpoint: sink(b, accepted), KeyID: "testid", KeySecret: "secret", Insecure: true})
		require.NoError(b, err)
		b.ReportAllocs()
		cpu(b)
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := c.SendSMS(b.Context(), m); err != nil {
					b.Error(err)
				}
			}
		})
		require.NoError(b, c.Close())
	})
}

// BenchmarkMassPush is a call for a hundred people through this package.
func BenchmarkMassPush(b *testing.B) {
	notices := make([]Notice, MaxTasks)
	ids := make([]string, MaxTasks)
	for i := range notices {
		notices[i] = Notice{Devices: []string{"d" + strconv.Itoa(10_000_000+i)}, Title: "Acme: security notice", Body: "Open the app. Notice NTC-7Q2M-4KD0, check code 0123456789ABC", Label: "1.2s.push.abcdefghijklmnop"}
		ids[i] = `"` + strconv.Itoa(900619746936498440+i) + `"`
	}
	c, err := New(call.Options{Endpoint: sink(b, `{"RequestId":"F655A8D5-B967-440B-8683-DAD6FF8DE990","MessageIds":{"MessageId":[`+strings.Join(ids, ",")+`]}}`), KeyID: "testid", KeySecret: "secret", Insecure: true, Write: 64 << 10})
	require.NoError(b, err)
	b.ReportAllocs()
	cpu(b)
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := c.MassPush(b.Context(), App{Key: "24680"}, notices, time.Now(), "t"); err != nil {
				b.Error(err)
			}
		}
	})
	require.NoError(b, c.Close())
}
