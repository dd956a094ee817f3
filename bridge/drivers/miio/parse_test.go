package miio

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

func TestRepair(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"sound", `{"a":1}`, `{"a":1}`},
		{"trailing NULs", "{\"a\":1}\x00\x00\x00", `{"a":1}`},
		{"doubled comma before otu_stat", `{"ott_stat":[0,0],,"otu_stat":[1]}`, `{"ott_stat":[0,0],"otu_stat":[1]}`},
		{"rest behind a NUL", "{\"result\":[1]}\x00xyz", `{"result":[1]}`},
		{"double zero", `[{"value":00},{"value":00}]`, `[{"value":0},{"value":0}]`},
		{"empty slots of a list", `{"result":[,,]}`, `{"result":[null,null,null]}`},
		{"one comma in a list", `{"result":[,]}`, `{"result":[null,null]}`},
		{"hole in a list", `{"result":[1,,3]}`, `{"result":[1,null,3]}`},
		{"doubled comma in an object", `{"a":1,,"b":",,"}`, `{"a":1,"b":",,"}`},
		{"empty result", `{"id":1,"result":,"error":{"code":-5001}}`, `{"id":1,"error":{"code":-5001}}`},
		{"control characters", "{\"a\":\"b\x01c\u0085d\"}", `{"a":"bcd"}`},
		{"several at once", "{\"a\":[1,,2],,\"value\":00,\"c\":\"\x02\"}", `{"a":[1,null,2],"value":0,"c":""}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := repair([]byte(tc.in))
			if err != nil || string(got) != tc.want {
				t.Errorf("repair(%q) = %q, %v, want %q", tc.in, got, err, tc.want)
			}
		})
	}
	for _, in := range []string{"", "\x00", "{", "nonsense", `{"a":`} {
		if got, err := repair([]byte(in)); !errors.Is(err, mi.ErrProtocol) {
			t.Errorf("repair(%q) = %q, %v, want ErrProtocol", in, got, err)
		}
	}
}

func TestParseEnvelope(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     envelope
	}{
		{"result", `{"id":1,"result":["on"]}`, envelope{id: 1, result: []byte(`["on"]`)}},
		{"blanks and another order", `{ "result" : 0 , "exe_time":12,"id": 9999 }`, envelope{id: 9999, result: []byte(`0`)}},
		{"error", `{"id":1,"error":{"code":-1}}`, envelope{id: 1, fault: []byte(`{"code":-1}`)}},
		{"report", `{"id":2147483648,"method":"m","params":[]}`, envelope{id: 2147483648, method: "m", params: []byte(`[]`)}},
		{"neither", `{"id":3,"model":"a.b.c"}`, envelope{id: 3, result: []byte(`{"id":3,"model":"a.b.c"}`)}},
		{"brackets in texts", `{"id":4,"result":"]}\"{"}`, envelope{id: 4, result: []byte(`"]}\"{"`)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseEnvelope([]byte(tc.in))
			if err != nil || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("parseEnvelope = %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
	for _, in := range []string{`{}`, `{"id":"x"}`, `{"id":-1}`, `[]`, `{"id":1.5}`, `{"id":1`} {
		if got, err := parseEnvelope([]byte(in)); err == nil {
			t.Errorf("parseEnvelope(%s) = %+v", in, got)
		}
	}
}

func TestEveryCodeHasAReaction(t *testing.T) {
	for _, tc := range []struct {
		code int
		kind error
	}{
		{-9999, mi.ErrBusy}, {-30001, mi.ErrBusy}, {-5000, mi.ErrInvalid}, {-5001, mi.ErrInvalid}, {-5005, mi.ErrInvalid},
		{-5002, mi.ErrInvalid}, {-5003, mi.ErrBusy}, {-6011, mi.ErrInvalid}, {-10000, mi.ErrUnsupported}, {-32601, mi.ErrUnsupported},
		{-1, mi.ErrProtocol}, {-2, mi.ErrUnsupported}, {-3, mi.ErrProtocol},
		{-4001, mi.ErrUnsupported}, {-4002, mi.ErrUnsupported}, {-4003, mi.ErrUnsupported}, {-4004, mi.ErrBusy}, {-4005, mi.ErrInvalid},
		{-4006, mi.ErrInvalid}, {-4007, mi.ErrProtocol}, {-1000, mi.ErrUnsupported},
		{-704042011, mi.ErrOffline}, {-704040003, mi.ErrUnsupported}, {-704220043, mi.ErrInvalid}, {-704053036, mi.ErrBusy},
		{-704030023, mi.ErrUnsupported}, {-704010000, mi.ErrBusy}, {-704053100, mi.ErrInvalid}, {-704010901, mi.ErrDenied},
		{-777, mi.ErrInvalid},
	} {
		err := error(&refusal{code: tc.code})
		if !errors.Is(err, tc.kind) {
			t.Errorf("code %d is %v, want %v", tc.code, errors.Unwrap(err), tc.kind)
		}
		if text := err.Error(); len(text) < 20 || strings.Contains(text, "\n") {
			t.Errorf("code %d says only %q", tc.code, text)
		}
	}
}

func TestDeviceTextIsCleaned(t *testing.T) {
	err := parseFault([]byte("{\"code\":-5001,\"message\":\"a\\nb\\u0007" + strings.Repeat("é", 100) + "\"}"))
	if text := err.Error(); strings.ContainsAny(text, "\n\a") || len(text) > 160 {
		t.Errorf("the device's words went through: %q", text)
	}
}

func TestPullingAllocatesNothing(t *testing.T) {
	spec := plugSpec()
	c := chunk{0, 1, 2}
	text := []byte(`[{"did":"1","siid":2,"piid":1,"code":0,"value":true},{"did":"1","siid":2,"piid":2,"code":0,"value":-55},{"did":"1","siid":2,"piid":3,"code":0,"value":2.25}]`)
	into := make([]mi.Change, 0, 8)
	n := testing.AllocsPerRun(100, func() {
		got, spoken, err := c.collect(spec, text, into)
		if len(got) != 3 || spoken != 3 || err != nil {
			t.Fatalf("collect = %v, %d, %v", got, spoken, err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per poll", n)
	}
}

func FuzzRepair(f *testing.F) {
	for _, s := range []string{`{"a":[,,],"b":,,1}`, `{"id":1,"result":,"value":00}`, "\"\\", "[\x7f\xc2\x85\xff]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.Clone(b)
		got, err := repair(b)
		if err == nil && !json.Valid(got) {
			t.Errorf("repair(%q) = %q, no JSON", b, got)
		}
		if !bytes.Equal(in, b) {
			t.Errorf("repair changed its input to %q", b)
		}
	})
}

// FuzzPull holds the pull parser to what encoding/json reads.
func FuzzPull(f *testing.F) {
	f.Add([]byte(`[{"siid":2,"piid":1,"code":0,"value":true},{"value":-1.5e3}]`))
	f.Add([]byte(`[{"siid":2,"piid":1,"code":-4003}]`))
	f.Add([]byte(`[{"siid":1,"x":{"y":["]"]},"value":"té"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var pulled []element
		if !pullElements(b, func(_ int, e element) { pulled = append(pulled, e) }) || !json.Valid(b) {
			return
		}
		var want []struct {
			SIID, PIID, Code json.Number
			Value            *mi.Value
		}
		if json.Unmarshal(b, &want) != nil {
			return
		}
		if len(pulled) != len(want) {
			t.Fatalf("%d elements of %q, want %d", len(pulled), b, len(want))
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"id":1,"result":["on"]}`))
	f.Add([]byte(`{"id":1,"method":"properties_changed","params":[{"siid":2,"piid":1,"value":1}]}`))
	f.Add([]byte(`{"id":1,"error":{"code":-9999,"message":"user ack timeout"}}`))
	spec := plugSpec()
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnvelope(b)
		if err != nil {
			return
		}
		for _, c := range changesOf(e.params, spec) {
			if c.Prop < 0 || c.Prop >= len(spec.Props) {
				t.Errorf("changesOf(%q) names property %d", e.params, c.Prop)
			}
		}
		happeningOf(e.params, spec)
		if e.fault != nil {
			_ = parseFault(e.fault).Error()
		}
		_ = setResult(spec, []mi.Change{{Prop: 0}}, e.result)
		_, _ = actionResult(spec, &spec.Actions[0], e.result)
		_, _ = describe(e.result)
	})
}
