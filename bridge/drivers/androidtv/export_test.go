package androidtv

import "sync"

// KeyName is what the bridge's key is remembered as.
const KeyName = keyName

// SomeKey is a bridge's key as it is remembered. All tests share it: making one
// takes a moment.
func SomeKey() any { return someKey() }

var someKey = sync.OnceValue(func() keyFile {
	f, err := newKey()
	if err != nil {
		panic(err)
	}
	return f
})
