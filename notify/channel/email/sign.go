package email

import (
	"runtime"
	"sync"

	"tocsin/notify"
)

const signedAhead = 64 // letters signed before a connection wants them

// sign runs a few signers ahead of the connections, so that these never wait for a key.
func (r *run) sign() (wait func()) {
	var signers sync.WaitGroup
	ended := make(chan struct{})
	for range min(runtime.GOMAXPROCS(0), len(r.out)) {
		signers.Go(func() {
			for from, to := r.reserve(1); from < to && r.all.Err() == nil; from, to = r.reserve(1) {
				if j, ok := r.admit(from); ok {
					r.signOne(j)
				}
			}
		})
	}
	go func() {
		signers.Wait()
		close(r.signed)
		close(ended)
	}()
	return func() { <-ended }
}

func (r *run) signOne(j job) {
	var err error
	if j.mail, err = r.letter.sign(nil, &r.out[j.i], j.to); err != nil {
		r.answer(j, notify.Verdict{Class: notify.ClassStop, Code: "dkim-failed"})
		return
	}
	select {
	case r.signed <- j:
	case <-r.all.Done():
	}
}

// takeSigned appends what is signed.
func (r *run) takeSigned(jobs []job, n int, wait bool) []job {
	for ; n > 0; n-- {
		var j job
		var ok bool
		if wait {
			select {
			case j, ok = <-r.signed:
			case <-r.all.Done():
				return jobs
			}
		} else {
			select {
			case j, ok = <-r.signed:
			default:
				return jobs
			}
		}
		if !ok {
			r.mu.Lock()
			r.allSigned = true
			r.mu.Unlock()
			return jobs
		}
		jobs, wait = append(jobs, j), false
	}
	return jobs
}
