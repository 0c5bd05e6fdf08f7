package simulator

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// trouble is what goes wrong with a call for a recipient: what is scripted, else what the recipient meets.
func (s *Simulator) trouble(channel, provider, recipient string) Fault {
	if f, struck := s.faults.strike(channel, provider, "", recipient, s.Now()); struck {
		return f
	}
	if k := s.faults.kind(channel, []byte(recipient)); k != nil {
		return k.Fault
	}
	return Fault{}
}

// first is the trouble of a call for several: the first that changes the answer.
func first(troubles []Fault) Fault {
	for _, f := range troubles {
		if f.refuses() || f.Delay > 0 || f.Drip {
			return f
		}
	}
	return Fault{}
}

func (s *Simulator) fail(w http.ResponseWriter, e *rpcError) {
	answer(w, e.status, map[string]any{"RequestId": s.requestID(), "HostId": "simulator.example", "Code": e.code, "Message": e.message,
		"Recommend": "https://simulator.example/" + e.code})
}

// product answers with a code of the product, which comes as HTTP 200.
func (s *Simulator) product(w http.ResponseWriter, code, message string) {
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "Code": code, "Message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}

// succeed gives the right answer, in time or late, whole or letter by letter; or what a fault makes of it.
func (s *Simulator) succeed(w http.ResponseWriter, r *http.Request, f Fault, body any) {
	switch {
	case f.refuses():
		s.strikeHTTP(w, r, f)
	case f.Drip:
		s.drip(w, r, f.Delay, body)
	default:
		if f.Delay > 0 {
			s.pause(r.Context(), f.Delay)
		}
		answer(w, http.StatusOK, body)
	}
}

// drip sends the answer in twenty pieces.
func (s *Simulator) drip(w http.ResponseWriter, r *http.Request, during time.Duration, body any) {
	const pieces = 20
	if during == 0 {
		during = 2 * time.Second
	}
	text, _ := json.Marshal(body) // maps of strings always encode
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	size := len(text)/pieces + 1
	for len(text) > 0 {
		n := min(size, len(text))
		_, _ = w.Write(text[:n]) // the caller may be gone
		text = text[n:]
		_ = http.NewResponseController(w).Flush()
		s.pause(r.Context(), during/pieces)
	}
}

// strikeHTTP makes an HTTP fault happen.
func (s *Simulator) strikeHTTP(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Hang+f.Delay > 0 {
		s.pause(r.Context(), f.Hang+f.Delay)
	}
	switch {
	case f.Drop && f.Text != "": // cut in the middle of an answer
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Text)+100))
		_, _ = w.Write([]byte(f.Text)) // the caller may be gone
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Error != "" && f.Code == 0:
		s.product(w, f.Error, f.Text)
	case f.Error != "":
		s.fail(w, &rpcError{f.Code, f.Error, f.Text})
	default:
		if f.Code >= http.StatusInternalServerError && f.Text != "" && f.Text[0] == '<' {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		w.WriteHeader(max(f.Code, http.StatusOK))
		_, _ = w.Write([]byte(f.Text)) // the caller may be gone
	}
}
