// Package store keeps what the bridge knows in its data folder. Every file is
// JSON behind a line with its version and checksum. A damaged file falls back to
// the copy of before and is kept aside as .bad; a file of a newer version is
// never touched; a disk that cannot be written is said and lived with.
package store
