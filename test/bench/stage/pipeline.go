//go:build unix

package stage

import "encoding/json"

func playPipeline(*json.Decoder, *json.Encoder) error { return nil }
