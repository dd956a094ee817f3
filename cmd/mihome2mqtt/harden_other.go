//go:build !unix

package main

// harden has nothing to do here.
func harden() {}
