// Package cloud is the vendor's cloud that is not there: account, service tokens
// and the API of every region in one HTTP server on loopback, with the devices of
// a virtual home behind it, so that a login and everything after it can be tried,
// tested and shown without an account. What a device tells here is the truth of
// virtual/miio, the same that it tells in its LAN. It has its own crypto code: a
// mistake in the client's must not be answered by the same mistake here.
package cloud
