package bare

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // G505: the provider's signature
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Calls is a run of the bare caller of the SMS or push API.
type Calls struct {
	Channel string // sms | push
	Addr    string
	Workers int
	People  int64
	Batch   int64 // people of one call
}

// Send makes the calls, each signed, and wants each answer to be good.
func (c Calls) Send() error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: c.Workers, MaxIdleConnsPerHost: c.Workers}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	errs := make([]error, c.Workers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for {
				from := next.Add(c.Batch) - c.Batch
				if from >= c.People || errs[i] != nil {
					return
				}
				errs[i] = c.call(client, from, min(from+c.Batch, c.People))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (c Calls) call(client *http.Client, from, to int64) error {
	values := c.sms(from)
	if c.Channel == "push" {
		values = c.push(from, to)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+c.Addr+"/?"+sign(values), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(body), `"MessageId"`) {
		err = fmt.Errorf("provider said %q", body)
	}
	return err
}

func (c Calls) sms(n int64) map[string]string {
	id := "1." + strconv.FormatInt(n, 36) + ".sms.abcdefghijklmnop"
	return map[string]string{
		"Action": "SendSms", "Version": "2017-05-25", "PhoneNumbers": fmt.Sprintf("139000%05d", n), "SignName": "示例商城", "TemplateCode": "SMS_000000001",
		"TemplateParam": `{"code":"0123456789ABC","ref":"N-2026-0001"}`, "OutId": id,
	}
}

func (c Calls) push(from, to int64) map[string]string {
	devices := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		devices = append(devices, fmt.Sprintf("d%08d", n))
	}
	return map[string]string{
		"Action": "Push", "Version": "2016-08-01", "AppKey": "1", "PushType": "NOTICE", "DeviceType": "ALL", "Target": "DEVICE",
		"TargetValue": strings.Join(devices, ","), "Title": "安全事件通知", "Body": "请打开应用查看关于您个人信息的重要通知。", "StoreOffline": "true",
	}
}

var escape = strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")

// sign gives the query with its signature: version 1, HMAC-SHA1.
func sign(values map[string]string) string {
	maps.Copy(values, map[string]string{
		"Format": "JSON", "AccessKeyId": "simulator", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureType": "", "RegionId": "cn-hangzhou",
		"SignatureNonce": strconv.FormatUint(rand.Uint64(), 36), "Timestamp": time.Now().UTC().Format("2006-01-02T15:04:05Z"),
	})
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape.Replace(url.QueryEscape(name)))
		b.WriteByte('=')
		b.WriteString(escape.Replace(url.QueryEscape(values[name])))
	}
	query := b.String()
	h := hmac.New(sha1.New, []byte("simulator&"))
	h.Write([]byte("POST&%2F&" + escape.Replace(url.QueryEscape(query))))
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(h.Sum(nil)))
}
