package console

import (
	"fmt"
	"net/http"
	"time"
)

const (
	heartbeat = 25 * time.Second
	// A stream ends by itself before proxies end it; the browser comes back.
	streamFor = 10 * time.Minute
)

// events tells a page that something about its incident has changed: ids and kinds only. The page then
// fetches its own regions again.
func (r *request) events() error {
	about := r.Query("incident")
	changed, cancel := r.Events.Listen()
	defer cancel()
	r.Header("Content-Type", "text/event-stream")
	r.Header("X-Accel-Buffering", "no")
	out := http.NewResponseController(r.Writer)
	say := func(format string, args ...any) bool {
		_, err := fmt.Fprintf(r.Writer, format, args...)
		return err == nil && out.Flush() == nil
	}
	begin := ": listening\n\n"
	if r.GetHeader("Last-Event-ID") != "" {
		begin = "event: changed\ndata: back\n\n" // something may have happened meanwhile
	}
	if !say("%s", begin) {
		return nil
	}
	beat, end := time.NewTicker(heartbeat), time.NewTimer(streamFor)
	defer beat.Stop()
	defer end.Stop()
	for {
		select {
		case <-r.ctx().Done():
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
			if !say(": here\n\n") {
				return nil
			}
		case e, open := <-changed:
			if !open {
				return nil
			}
			if e.Operator != r.scope.Operator || about != "" && string(e.Incident) != about {
				continue
			}
			if !say("id: %d\nevent: changed\ndata: %s\n\n", e.Seq, e.Kind) {
				return nil
			}
		}
	}
}
