package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/mihome2mqtt/mihome2mqtt/bridge/mi"
)

// Account is one account of the setting ACCOUNTS.
type Account struct {
	UserID    string // decimal
	PassToken mi.Secret
}

var userShape = regexp.MustCompile(`^[0-9]{5,20}$`)

// leastSeal is the shortest passphrase that is worth its name.
const leastSeal = 12

// AccountList returns the accounts of the setting ACCOUNTS. The error never holds a
// token.
func (c *Config) AccountList() ([]Account, error) {
	var out []Account
	for i, parts := range entries(c.Accounts.Reveal()) {
		if len(parts) != 2 || !userShape.MatchString(parts[0]) || parts[1] == "" {
			return nil, fmt.Errorf("entry %d: it takes a user id, which is a number, and a passToken, separated by a comma", i+1)
		}
		out = append(out, Account{parts[0], mi.Secret(parts[1])})
	}
	return out, nil
}

func (c *Config) checkAccounts() error {
	_, list := c.AccountList()
	var regions, key error
	all := []string{"cn", "de", "us", "sg", "ru", "tw", "i2"}
	if i := slices.IndexFunc(c.Regions, func(r string) bool { return !slices.Contains(all, r) }); i >= 0 {
		regions = wrong("REGIONS", c.Regions[i], "It is a list of cn, de, us, sg, ru, tw and i2")
	}
	if n := len(c.DataKey); n > 0 && n < leastSeal {
		key = fmt.Errorf("%sDATA_KEY is too short: it takes %d characters at least", Prefix, leastSeal)
	}
	return errors.Join(c.of("ACCOUNTS", list), regions, key)
}

// accountSecrets are the tokens of the accounts.
func (c *Config) accountSecrets() (out []mi.Secret) {
	list, _ := c.AccountList() // Load has checked them
	for _, a := range list {
		out = append(out, a.PassToken)
	}
	return out
}
