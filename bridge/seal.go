package bridge

import (
	"errors"
	"fmt"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/config"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
	"github.com/mihome2mqtt/mihome2mqtt/bridge/sealed"
)

// openKey is the key of the data folder's secrets.
func (o *Options) openKey() *sealed.Key { return o.keyOf(o.Config.DataKey) }

func (o *Options) keyOf(passphrase mi.Secret) *sealed.Key {
	return sealed.NewKey(passphrase, o.World.Rand("salt"))
}

// dataKey is openKey for who runs: secrets that were kept open, or encrypted with the
// former key, are encrypted with it first.
func (o *Options) dataKey() (*sealed.Key, error) {
	key := o.openKey()
	if o.Config.DataKey == "" {
		if o.Config.DataKeyOld != "" {
			return nil, fmt.Errorf("%[1]sDATA_KEY_OLD is set and %[1]sDATA_KEY is not: nothing would be encrypted any more. Set both, or run mihome2mqtt reseal --open first", config.Prefix)
		}
		return key, nil
	}
	written, err := key.Reseal(o.World.Disk, o.keyOf(o.Config.DataKeyOld))
	if written > 0 {
		o.Log.Info().Int("files", written).Msg("secrets in the data folder are encrypted with MIHOME2MQTT_DATA_KEY")
	}
	if err != nil && !errors.Is(err, sealed.ErrSealed) { // whoever needs what has another key says so
		o.Log.Error().Err(err).Msg("secrets in the data folder could not be encrypted")
	}
	return key, nil
}

// Reseal encrypts all secrets of the data folder with DATA_KEY, whether they are open
// or encrypted with DATA_KEY_OLD; with open they are decrypted instead. It returns how
// many files it wrote. No bridge may run on the folder meanwhile.
func Reseal(o Options, open bool) (int, error) {
	key, old := o.openKey(), o.keyOf(o.Config.DataKeyOld)
	if open {
		return (*sealed.Key)(nil).Reseal(o.World.Disk, key, old)
	}
	if o.Config.DataKey == "" {
		return 0, fmt.Errorf("%sDATA_KEY is not set: there is nothing to encrypt with: %w", config.Prefix, mi.ErrInvalid)
	}
	return key.Reseal(o.World.Disk, old)
}
