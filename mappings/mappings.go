// Package mappings holds the mapping files that ship with the bridge: what turns
// a device's own vocabulary into entities, corrections of published specs,
// profiles of devices that speak no MIoT, and names in other languages. Its
// README is the reference of their language.
package mappings

import "embed"

// FS is the tree of mapping files, rooted at this folder.
//
//go:embed rules models lang profiles
var FS embed.FS
