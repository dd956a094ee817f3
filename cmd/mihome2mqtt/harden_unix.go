//go:build unix

package main

import "syscall"

// harden keeps secrets out of files: no core dumps, and nothing that is written
// can be read by others.
func harden() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // refused where there are none anyway
	syscall.Umask(0o077)
}
