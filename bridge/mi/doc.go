// Package mi is the vocabulary that every other package speaks: what a device
// has (Spec), what it says (Value, Change, Happening), who it is (Info) and how
// it is reached (Driver, Link). It imports only the standard library and
// everyone may import it.
package mi
