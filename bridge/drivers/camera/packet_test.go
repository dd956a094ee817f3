package camera

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func cut(r io.Reader) (out []string, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxMessage+1)
	in.Split(split)
	for in.Scan() {
		out = append(out, in.Text())
	}
	return out, in.Err()
}

func TestAStreamIsCutIntoObjects(t *testing.T) {
	stream := `{"rval":0,"msg_id":257,"param":8}{"msg_id":7,"type":"a}{\"","param":{"b":"\\"}}` + "\n junk\"}" + `{"msg_id":7}{"half":`
	want := []string{`{"rval":0,"msg_id":257,"param":8}`, `{"msg_id":7,"type":"a}{\"","param":{"b":"\\"}}`, `{"msg_id":7}`}
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(stream), "byte by byte": iotest.OneByteReader(strings.NewReader(stream)),
		"halves": iotest.HalfReader(strings.NewReader(stream)),
	} {
		if got, err := cut(r); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := cut(strings.NewReader(`{"a":"` + strings.Repeat("x", 2*maxMessage))); !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("endless message: %v", err)
	}
}

// TestMessages reads what Yi cameras are known to send.
func TestMessages(t *testing.T) {
	for text, want := range map[string]mi.Change{
		`{"msg_id":7,"type":"battery","param":"81"}`:                                              {Prop: propBattery, Value: mi.Int(81)},
		`{"msg_id":7,"type":"adapter_status","param":"1"}`:                                        {Prop: propCharging, Value: mi.Int(charging)},
		`{"msg_id":7,"type":"start_video_record"}`:                                                {Prop: propRecord, Value: mi.Bool(true)},
		`{"msg_id":7,"type":"video_record_complete","param":"/tmp/fuse_d/DCIM/101/YDXJ0420.mp4"}`: {Prop: propRecord, Value: mi.Bool(false)},
		`{"msg_id":7,"type":"switch_to_cap_mode"}`:                                                {Prop: propMode, Value: mi.Text("capture")},
		`{"msg_id":7,"type":"switch_to_rec_mode"}`:                                                {Prop: propMode, Value: mi.Text("record")},
		`{"msg_id":7,"type":"sd_card_status","param":"remove"}`:                                   {Prop: propCard, Value: mi.Bool(false)},
		`{"msg_id":7,"type":"setting_changed","param":"video_quality","value":"Fine"}`:            {Prop: propQuality, Value: mi.Text("Fine")},
	} {
		m, err := parseMessage([]byte(text))
		if got, ok := fromNotice(&m); err != nil || !ok || got != want {
			t.Errorf("%s = %v, %v, %v", text, got, ok, err)
		}
	}
	for _, text := range []string{
		`{"msg_id":7,"type":"battery","param":"full"}`, `{"msg_id":7,"type":"battery","param":101}`, `{"msg_id":7,"type":"vf_stop"}`,
		`{"msg_id":7,"type":"setting_changed","param":"camera_clock","value":"2016-03-28 02:02:09"}`, `{"msg_id":7,"type":"sd_card_status"}`,
	} {
		m, err := parseMessage([]byte(text))
		if got, ok := fromNotice(&m); err != nil || ok {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`{}`, `{"msg_id":"x"}`, `{"msg_id":-1}`, `{"msg_id":}`} {
		if _, err := parseMessage([]byte(text)); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("%s = %v", text, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for rval, want := range map[int]error{0: nil, -21: nil, -4: errTaken, -27: mi.ErrBusy, -23: mi.ErrInvalid, -7: mi.ErrInvalid} {
		m := message{Rval: rval}
		if err := m.refusal(); !errors.Is(err, want) {
			t.Errorf("%d = %v, want %v", rval, err, want)
		}
	}
}

func TestRequests(t *testing.T) {
	for want, r := range map[string]request{
		`{"msg_id":257,"token":0}`:                                {ID: msgStart},
		`{"msg_id":2,"token":8,"type":"osd_enable","param":"on"}`: {ID: msgSet, Token: 8, Type: "osd_enable", Param: "on"},
	} {
		if got, err := json.Marshal(r); err != nil || string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"rval":0,"msg_id":3,"param":[{"camera_clock":"2016-03-28 02:02:09"},{"app_status":"idle"}]}{"msg_id":7,"type":"battery","param":"86"}`))
	f.Add([]byte(`{"msg_id":5,"rval":0,"param":7774208}x}"{"a":"\"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, err := cut(bytes.NewReader(b))
		single, err2 := cut(iotest.OneByteReader(bytes.NewReader(b)))
		if !slices.Equal(whole, single) || (err == nil) != (err2 == nil) {
			t.Fatalf("%q, %v but byte by byte %q, %v", whole, err, single, err2)
		}
		for _, text := range whole {
			m, err := parseMessage([]byte(text))
			if err != nil {
				continue
			}
			if c, ok := fromNotice(&m); ok && !c.Value.Known() {
				t.Errorf("%s says nothing of %d", text, c.Prop)
			}
			_, _ = settings(m.Param)
			if v, ok := gigabytes(value(m.Param)); ok && !v.Known() {
				t.Errorf("%s is no size", text)
			}
		}
	})
}
