package mqtt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"slices"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/rs/zerolog"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

const (
	snapshotFile    = "broker.json"
	snapshotVersion = 1
	maxSnapshot     = 64 << 20
	firstSave       = 30 * time.Second // after a change
	restAfterSave   = 5 * time.Minute  // spares SD cards
)

// snapshot keeps the broker's retained messages across restarts. It writes now and
// then and at the end, never while a message is published; what the last minutes
// changed, the bridge publishes again by itself.
type snapshot struct {
	disk   mi.Disk
	log    zerolog.Logger
	topics *mochi.TopicsIndex
	stale  []string // topics that hold nothing true at a start
	dirty  chan struct{}
	failed bool
}

// kept is one retained message in the file.
type kept struct {
	Topic   string `json:"topic"`
	Payload []byte `json:"payload"`
	QoS     byte   `json:"qos,omitempty"`
}

// header is the first line of the file; the rest is the JSON of the messages.
type header struct {
	Version int    `json:"version"`
	CRC     uint32 `json:"crc"`
}

func (s *snapshot) touch() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// run saves after changes, until ctx ends.
func (s *snapshot) run(ctx context.Context) {
	wait := firstSave
	for {
		select {
		case <-s.dirty:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		s.save()
		wait = restAfterSave
	}
}

// save writes all retained messages. A failure is logged once; the broker goes on
// from memory.
func (s *snapshot) save() {
	select {
	case <-s.dirty:
	default:
	}
	err := s.disk.WriteFile(snapshotFile, encodeSnapshot(s.collect()))
	if err != nil && !s.failed {
		s.log.Warn().Err(err).Msg("broker cannot save its retained messages; they are lost at the next start and then published again")
	}
	s.failed = err != nil
}

func (s *snapshot) collect() []kept {
	var all []kept
	for topic, pk := range s.topics.Retained.GetAll() {
		if len(pk.Payload) > 0 {
			all = append(all, kept{topic, pk.Payload, pk.FixedHeader.Qos})
		}
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.Topic, b.Topic) })
	return all
}

// encodeSnapshot leaves out what is beyond maxSnapshot.
func encodeSnapshot(all []kept) []byte {
	size := 0
	for i := range all {
		if size += len(all[i].Topic) + len(all[i].Payload)*4/3 + 64; size > maxSnapshot {
			all = all[:i]
			break
		}
	}
	body := encode(all)
	head := encode(header{snapshotVersion, crc32.ChecksumIEEE(body)})
	return slices.Concat(head, []byte("\n"), body)
}

// load reads what was saved, or what was saved before that. A file that cannot be
// read is no reason not to start: the bridge publishes everything again.
func (s *snapshot) load() {
	var failures []error
	for _, name := range []string{snapshotFile, snapshotFile + ".prev"} {
		data, err := s.disk.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var all []kept
		if err == nil {
			all, err = decodeSnapshot(data)
		}
		if err == nil {
			s.restore(all)
			break
		}
		failures = append(failures, fmt.Errorf("%s: %w", name, err))
	}
	if err := errors.Join(failures...); err != nil {
		s.log.Warn().Err(err).Msg("broker cannot read its retained messages; they are published again")
	}
}

func decodeSnapshot(data []byte) ([]kept, error) {
	first, body, found := bytes.Cut(data, []byte("\n"))
	var head header
	if err := json.Unmarshal(first, &head); err != nil || !found {
		return nil, errors.New("damaged: no header")
	}
	if head.Version != snapshotVersion {
		return nil, fmt.Errorf("version %d is not known here", head.Version)
	}
	if crc32.ChecksumIEEE(body) != head.CRC {
		return nil, errors.New("damaged: checksum differs")
	}
	var all []kept
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("damaged: %w", err)
	}
	return all, nil
}

func (s *snapshot) restore(all []kept) {
	for _, m := range all {
		if !mochi.IsValidFilter(m.Topic, true) || m.QoS > 2 || len(m.Payload) == 0 || slices.Contains(s.stale, m.Topic) {
			continue
		}
		s.topics.RetainMessage(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Publish, Retain: true, Qos: m.QoS},
			TopicName:   m.Topic,
			Payload:     m.Payload,
		})
	}
}
