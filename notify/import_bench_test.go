package notify_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// BenchmarkImport is goal 8: people a second, checked, deduplicated and sealed into a file of SQLite.
func BenchmarkImport(b *testing.B) {
	const people = 200_000
	var csv, ndjson bytes.Buffer
	csv.WriteString("person_key,name,email,phone,locale,jurisdiction,data\n")
	for i := range people {
		fmt.Fprintf(&csv, "u-%d,示例 %d,person%d@example.com,1390%07d,zh-CN,CN-SH,name;phone\n", i, i, i, i)
		fmt.Fprintf(&ndjson, `{"person_key":"u-%d","name":"示例 %d","emails":["person%d@example.com"],"phones":["1390%07d"],"locale":"zh-CN","jurisdiction":"CN-SH","data":["name","phone"]}`+"\n", i, i, i, i)
	}
	for format, body := range map[string][]byte{"csv": csv.Bytes(), "ndjson": ndjson.Bytes()} {
		b.Run(format, func(b *testing.B) {
			w := newWorld(b)
			for b.Loop() {
				a, err := w.service.Import(w.ctx, rui, w.id, "people", format, bytes.NewReader(body), nil)
				require.NoError(b, err)
				require.Equal(b, notify.Ready, a.State)
				require.EqualValues(b, people, a.Total)
			}
			b.ReportMetric(float64(people*b.N)/b.Elapsed().Seconds(), "people/s")
		})
	}
}
