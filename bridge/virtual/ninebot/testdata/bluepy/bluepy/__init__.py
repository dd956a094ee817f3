"""Stands in for bluepy: a connection to a virtual vehicle by a socket."""
