package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tencentCodes translate codes of Aliyun's, which the table of kinds uses, to Tencent's (channels.md 7).
var tencentCodes = map[string]string{
	"Throttling.User":            "RequestLimitExceeded",
	"InvalidTimeStamp.Expired":   "AuthFailure.SignatureExpire",
	"isv.AMOUNT_NOT_ENOUGH":      "FailedOperation.InsufficientBalanceInSmsPackage",
	"isv.DAY_LIMIT_CONTROL":      "LimitExceeded.DailyLimit",
	"isv.MOBILE_NUMBER_ILLEGAL":  "InvalidParameterValue.IncorrectPhoneNumber",
	"isv.BUSINESS_LIMIT_CONTROL": "LimitExceeded.PhoneNumberDailyLimit",
	"isv.SMS_SIGNATURE_ILLEGAL":  "FailedOperation.SignatureIncorrectOrUnapproved",
	"isv.SMS_TEMPLATE_ILLEGAL":   "FailedOperation.TemplateIncorrectOrUnapproved",
}

func tencentCode(code string) string {
	if other, known := tencentCodes[code]; known {
		return other
	}
	return code
}

// tencentFail answers with an error envelope, which comes as HTTP 200.
func (s *Simulator) tencentFail(w http.ResponseWriter, code, message string) {
	answer(w, http.StatusOK, map[string]any{"Response": map[string]any{"RequestId": s.requestID(), "Error": map[string]any{"Code": tencentCode(code), "Message": message}}})
}

// tencent answers one signed call of Tencent's SMS.
func (s *Simulator) tencent(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.tencentFail(w, "FailedOperation.FailResolvePacket", "unreadable body")
		return
	}
	if code, message := s.verifyTC3(r, body, s.clock.gate()); code != "" {
		s.tencentFail(w, code, message)
		return
	}
	if r.Header.Get("X-TC-Region") == "" {
		s.tencentFail(w, "MissingParameter", "X-TC-Region is missing")
		return
	}
	action := r.Header.Get("X-TC-Action")
	if s.opt.Limits && !s.rate.take("tencent "+action, 3000, s.Now()) {
		s.tencentFail(w, "RequestLimitExceeded", "too many calls")
		return
	}
	switch action + " " + r.Header.Get("X-TC-Version") {
	case "SendSms 2021-01-11":
		s.tencentSend(w, r, body)
	case "PullSmsSendStatusByPhoneNumber 2021-01-11":
		s.tencentPull(w, r, body)
	default:
		s.tencentFail(w, "InvalidAction", "no such action or version")
	}
}

// verifyTC3 checks TC3-HMAC-SHA256 (channels.md 7) with five minutes of skew.
func (s *Simulator) verifyTC3(r *http.Request, body []byte, now time.Time) (code, message string) {
	seconds, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
	if err != nil {
		return "MissingParameter", "X-TC-Timestamp is missing"
	}
	at := time.Unix(seconds, 0).UTC()
	if now.Sub(at).Abs() > 5*time.Minute {
		return "AuthFailure.SignatureExpire", "the timestamp is more than five minutes off"
	}
	fields := map[string]string{}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		fields[name] = value
	}
	id, scope, _ := strings.Cut(fields["Credential"], "/")
	headers := strings.Split(fields["SignedHeaders"], ";")
	switch {
	case scheme != "TC3-HMAC-SHA256" || fields["Signature"] == "":
		return "AuthFailure.SignatureFailure", "the header Authorization is not TC3-HMAC-SHA256"
	case id != s.opt.KeyID:
		return "AuthFailure.SecretIdNotFound", "no such secret id"
	case scope != at.Format(time.DateOnly)+"/sms/tc3_request":
		return "AuthFailure.SignatureFailure", "the credential scope is not of this day and service"
	case !slices.Contains(headers, "content-type") || !slices.Contains(headers, "host"):
		return "AuthFailure.SignatureFailure", "content-type and host must be signed"
	}
	want := signTC3(s.opt.KeySecret, r.Method, r.Host, r.Header, headers, body, at)
	if !hmac.Equal([]byte(want), []byte(fields["Signature"])) {
		return "AuthFailure.SignatureFailure", "the signature does not match"
	}
	return "", ""
}

// signTC3 computes the signature of a call.
func signTC3(secret, method, host string, h http.Header, signed []string, body []byte, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n/\n\n", method)
	for _, name := range signed {
		value := h.Get(name)
		if name == "host" {
			value = host
		}
		fmt.Fprintf(&b, "%s:%s\n", name, strings.ToLower(strings.TrimSpace(value)))
	}
	fmt.Fprintf(&b, "\n%s\n%x", strings.Join(signed, ";"), sha256.Sum256(body))
	day := at.UTC().Format(time.DateOnly)
	text := fmt.Sprintf("TC3-HMAC-SHA256\n%d\n%s/sms/tc3_request\n%x", at.Unix(), day, sha256.Sum256([]byte(b.String())))
	key := []byte("TC3" + secret)
	for _, part := range []string{day, "sms", "tc3_request", text} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(part))
		key = m.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// tencentOrder is the body of SendSms.
type tencentOrder struct {
	Phones   []string `json:"PhoneNumberSet"`
	AppID    string   `json:"SmsSdkAppId"`
	Sign     string   `json:"SignName"`
	Template string   `json:"TemplateId"`
	Params   []string `json:"TemplateParamSet"`
	Session  string   `json:"SessionContext"`
	Extend   string   `json:"ExtendCode"`
	SenderID string   `json:"SenderId"`
}

// check refuses the call as a whole.
func (t *tencentOrder) check() (code, message string) {
	abroad := 0
	for _, phone := range t.Phones {
		if strings.HasPrefix(phone, "+") && !strings.HasPrefix(phone, "+86") {
			abroad++
		}
	}
	switch {
	case len(t.Phones) == 0:
		return "MissingParameter.EmptyPhoneNumberSet", "no numbers"
	case t.AppID == "" || t.Template == "":
		return "MissingParameter", "SmsSdkAppId and TemplateId are needed"
	case len(t.Phones) > 200:
		return "LimitExceeded.PhoneNumberCountLimit", "at most 200 numbers"
	case abroad > 0 && abroad < len(t.Phones):
		return "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber", "domestic and foreign numbers are mixed"
	case len(t.Session) >= 512:
		return "InvalidParameterValue", "SessionContext is longer than 511 bytes"
	case abroad == 0 && t.Sign == "":
		return "MissingParameter", "SignName is needed for domestic numbers"
	case slices.ContainsFunc(t.Params, anyURL.MatchString):
		return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "variables may not carry URLs"
	}
	return "", ""
}
