package router

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// order asks for a change. A refusal by code is mi.ErrInvalid: the question is
// known, what was asked for is not possible.
func (r *router) order(ctx context.Context, path string, form url.Values) error {
	_, err := r.web.call(ctx, path, form)
	if errors.Is(err, mi.ErrUnsupported) {
		return fmt.Errorf("the router refuses it: %s: %w", err.Error(), mi.ErrInvalid)
	}
	return err
}

func setLED(ctx context.Context, r *router, v mi.Value) error {
	on, ok := v.Bool()
	if !ok {
		return mi.ErrInvalid
	}
	return r.order(ctx, "misystem/led?on="+digit(on), nil)
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// restart reboots the router.
func (r *router) restart(ctx context.Context) error { return r.order(ctx, "xqsystem/reboot", nil) }

func (r *router) switchRadio(ctx context.Context, ifname string, v mi.Value) error {
	on, ok := v.Bool()
	if !ok {
		return mi.ErrInvalid
	}
	if ifname == radioGuest {
		return r.rewrite(ctx, ifname, "xqnetwork/set_wifi_without_restart", map[string]string{"wifiIndex": "3", "on": digit(on)})
	}
	path := "xqnetwork/wifi_down"
	if on {
		path = "xqnetwork/wifi_up"
	}
	return r.order(ctx, path, url.Values{"ifname": {ifname}})
}

func (r *router) setChannel(ctx context.Context, ifname string, v mi.Value) error {
	channel, ok := v.Int()
	index := 1 + slices.Index(bands(), ifname)
	if !ok || index == 0 {
		return mi.ErrInvalid
	}
	return r.rewrite(ctx, ifname, "xqnetwork/set_wifi", map[string]string{"wifiIndex": strconv.Itoa(index), "channel": strconv.FormatInt(channel, 10)})
}

// rewrite sends all settings of a network back with some of them changed: the
// router forgets what is missing. They are read anew for that, so that a name or
// password changed meanwhile stays.
func (r *router) rewrite(ctx context.Context, ifname, path string, change map[string]string) error {
	now, err := r.radioNow(ctx, ifname)
	if err != nil {
		return err
	}
	settings := now.settings()
	if settings["ssid"] == "" {
		return fmt.Errorf("the router does not show the settings of the network: %w", mi.ErrProtocol)
	}
	query := url.Values{"on": {digit(now.on)}}
	for name, value := range settings {
		query.Set(name, value)
	}
	for name, value := range change {
		query.Set(name, value)
	}
	return r.order(ctx, path+"?"+query.Encode(), nil)
}

func (r *router) radioNow(ctx context.Context, ifname string) (radio, error) {
	for _, path := range []string{"xqnetwork/wifi_diag_detail_all", "xqnetwork/wifi_detail_all"} {
		body, err := r.web.read(ctx, path)
		if lost(err) {
			return radio{}, err
		}
		radios, err := parseRadios(body)
		if now, ok := radios[ifname]; err == nil && ok {
			return now, nil
		}
	}
	return radio{}, fmt.Errorf("the router does not show the network: %w", mi.ErrUnsupported)
}
