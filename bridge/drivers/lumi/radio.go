package lumi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// The radio of a gateway is not in its local protocol: miIO has it, with the token.
// The method names are those that the vendor's app uses; they were not tried on a
// device here.
const (
	radioService = 6
	radioOn      = 1 // 6.1
	radioVolume  = 2 // 6.2
	actNext      = 1
	actPrevious  = 2
)

const radioModel = "gateway.v3+radio" // of a gateway whose token is known

// buildRadio makes a gateway with a radio.
func buildRadio(string) *model {
	b := &builder{model: *buildGateway("gateway.v3"), names: map[string]int{}}
	const live = mi.Read | mi.Notify | mi.Write
	b.service(radioService, "radio", "Radio")
	b.prop(radioOn, "on", mi.FormatBool, live, "", nil).Text = "Radio"
	p := b.prop(radioVolume, "volume", mi.FormatInt, live, "", nil)
	p.Text, p.Unit, p.Range = "Radio volume", "percentage", &mi.Range{Min: 0, Max: 100, Step: 1}
	b.action(actNext, "next-station")
	b.action(actPrevious, "previous-station")
	return b.done()
}

// playing is what the radio does.
type playing struct {
	Status string `json:"current_status"` // "run" or "pause"
	Volume int64  `json:"current_volume"`
}

// listen appends what the radio does, when that is among what is asked. A radio
// that does not answer is left out.
func (b *base) listen(ctx context.Context, props []int, into []mi.Change) []mi.Change {
	on, volume := b.kind.spec.Prop(radioService, radioOn), b.kind.spec.Prop(radioService, radioVolume)
	if on < 0 || !slices.Contains(props, on) && !slices.Contains(props, volume) {
		return into
	}
	raw, err := b.tune(ctx, "get_prop_fm", []any{})
	var now playing
	if err != nil || json.Unmarshal(raw, &now) != nil || now.Status == "" {
		return into
	}
	return append(into, mi.Change{Prop: on, Value: mi.Bool(now.Status == "run")}, mi.Change{Prop: volume, Value: mi.Int(now.Volume)})
}

// tune asks the gateway by miIO.
func (b *base) tune(ctx context.Context, method string, params []any) (json.RawMessage, error) {
	b.d.mu.Lock()
	info := b.station.info
	b.d.mu.Unlock()
	if b.d.o.Ask == nil || info.Token == "" {
		return nil, fmt.Errorf("the radio needs the token of the gateway: %w", mi.ErrUnsupported)
	}
	return b.d.o.Ask(ctx, info, method, params)
}

// heard carries out what changes are about the radio and returns the others.
func (b *base) heard(ctx context.Context, changes []mi.Change) (rest []mi.Change, err error) {
	for _, c := range changes {
		p := &mi.Property{}
		if c.Prop >= 0 && c.Prop < len(b.kind.spec.Props) {
			p = &b.kind.spec.Props[c.Prop]
		}
		switch {
		case p.SIID != radioService:
			rest = append(rest, c)
			continue
		case p.PIID == radioOn:
			word := "off"
			if on, _ := c.Value.Bool(); on {
				word = "on"
			}
			_, err = b.tune(ctx, "play_fm", []any{word})
		default:
			v, ok := c.Value.Int()
			if !ok || v < 0 || v > 100 {
				return nil, fmt.Errorf("radio volume = %s: %w", c.Value, mi.ErrInvalid)
			}
			_, err = b.tune(ctx, "set_fm_volume", []any{v})
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// skip runs the radio's actions; ok is false for others.
func (b *base) skip(ctx context.Context, action int) (ok bool, err error) {
	if action < 0 || action >= len(b.kind.spec.Actions) || b.kind.spec.Actions[action].SIID != radioService {
		return false, nil
	}
	word := "next"
	if b.kind.spec.Actions[action].AIID == actPrevious {
		word = "prev"
	}
	_, err = b.tune(ctx, "play_fm", []any{word})
	return true, err
}
