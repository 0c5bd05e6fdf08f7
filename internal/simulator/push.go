package simulator

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// push is Push: one notification for up to a thousand targets; unknown devices are dropped without a word.
func (s *Simulator) push(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	for _, name := range []string{"AppKey", "PushType", "Target", "TargetValue", "Title", "Body"} {
		if p.Get(name) == "" {
			s.Journal.refuse("push", "missing-"+strings.ToLower(name))
			s.fail(w, missing(name))
			return
		}
	}
	targets := strings.Split(p.Get("TargetValue"), ",")
	fault, struck := s.faults.strike("push", "", targets[0])
	if struck && !fault.Accept {
		s.Journal.refuse("push", "")
		s.strikeHTTP(w, r, fault)
		return
	}
	if rule := s.checkPush(p.Get, targets); rule != "" {
		s.Journal.refuse("push", strings.ToLower(rule))
		s.fail(w, &rpcError{http.StatusBadRequest, "Invalid" + rule + ".Format", "The specified parameter " + rule + " is not valid."})
		return
	}
	now := s.opt.Clock.Now()
	label := p.Get("JobKey")
	for _, device := range targets {
		if strings.HasPrefix(device, "gone") {
			s.Journal.drop("push")
			continue
		}
		s.Journal.accept(Entry{At: now, Channel: "push", Recipient: device, ID: label, Title: p.Get("Title")}, func() string { return p.Get("Body") })
	}
	if struck {
		s.strikeHTTP(w, r, fault)
		return
	}
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "MessageId": fmt.Sprintf("5%015d", s.receipts.number())})
}

// checkPush names the parameter that breaks a rule.
func (s *Simulator) checkPush(get func(string) string, targets []string) string {
	if _, err := strconv.ParseInt(get("AppKey"), 10, 64); err != nil {
		return "AppKey"
	}
	if !slices.Contains([]string{"DEVICE", "ACCOUNT", "ALIAS"}, get("Target")) {
		return "Target"
	}
	if len(targets) > 1000 || slices.Contains(targets, "") {
		return "TargetValue"
	}
	if !slices.Contains([]string{"NOTICE", "MESSAGE"}, get("PushType")) {
		return "PushType"
	}
	if !slices.Contains([]string{"ANDROID", "iOS", "HARMONY", "ALL"}, get("DeviceType")) {
		return "DeviceType"
	}
	if env := get("iOSApnsEnv"); env != "DEV" && env != "PRODUCT" {
		return "IOSApnsEnv"
	}
	if len(get("Title"))+len(get("Body")) > 1800 {
		return "Body"
	}
	if get("StoreOffline") == "true" {
		at, err := time.Parse("2006-01-02T15:04:05Z", get("ExpireTime"))
		if now := s.opt.Clock.Now(); err != nil || at.Before(now) || at.After(now.Add(72*time.Hour+time.Minute)) {
			return "ExpireTime"
		}
	}
	return ""
}
