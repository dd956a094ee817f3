package mqtt

import (
	"strconv"
	"time"
)

// maxProblems is how many bytes of problems are told: Home Assistant keeps no more
// than 16 KiB of attributes.
const maxProblems = 12 << 10

// Problem is something that is not as it should be, as bridge/problems tells it.
type Problem struct {
	ID       string    `json:"id"`
	Device   string    `json:"device,omitempty"` // id; "" when it concerns the bridge
	Name     string    `json:"name,omitempty"`   // of the device
	Severity string    `json:"severity"`
	Text     string    `json:"text"`
	ToDo     string    `json:"todo,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// Problems tells what is not as it should be, the worst first: how many on
// bridge/problem_count, what they are on bridge/problems. The texts must hold no
// secrets.
func (h *Home) Problems(all []Problem) {
	h.status.page.put(bridgeProblems, string(encodeProblems(all)))
	h.status.page.put(bridgeProblemCount, strconv.Itoa(len(all)))
}

// encodeProblems writes as many problems as there is room for, and how many more there
// are.
func encodeProblems(all []Problem) []byte {
	out := struct {
		Problems []Problem `json:"problems"`
		More     int       `json:"more,omitempty"`
	}{Problems: []Problem{}}
	size := 0
	for i, p := range all {
		if size += len(encode(p)) + 1; size > maxProblems {
			out.More = len(all) - i
			break
		}
		out.Problems = append(out.Problems, p)
	}
	return encode(out)
}
