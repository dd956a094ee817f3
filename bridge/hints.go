package bridge

import (
	"slices"
	"strings"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/entity"
)

// hint says which settings name something that is not there, though it may come
// later: an interface, or the names of a language. It also says what is listed twice.
func (b *Bridge) hint(rules *entity.Rules) {
	c, log := b.opt.Config, &b.opt.Log
	if known := rules.Languages(); c.Language != "" && !rules.Speaks(c.Language) {
		log.Warn().Str("language", c.Language).Strs("known", known).
			Msg("there are no names in this language: they stay English; a file of yours in lang/ can bring them")
	}
	for _, d := range c.Doubled() {
		counts := d.Second + " counts where it differs"
		if d.Rival {
			counts = "the one whose did answers there"
		}
		log.Warn().Str("setting", d.Setting).Str("entries", d.First+", "+d.Second).Str("both", d.What).Str("counts", counts).
			Msg("two entries of the list of devices are for the same one: take one out")
	}
	if len(c.Interfaces) == 0 {
		return
	}
	cards, err := b.opt.World.Net.Interfaces()
	if err != nil {
		return // whoever needs them says so
	}
	var names []string
	for _, card := range cards {
		names = append(names, card.Name)
	}
	for _, wanted := range c.Interfaces {
		if !slices.Contains(names, wanted) {
			log.Warn().Str("interface", wanted).Str("there are", strings.Join(names, ", ")).
				Msg("no such network interface: no device is found there; check MIHOME2MQTT_INTERFACES")
		}
	}
}
