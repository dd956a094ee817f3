// Package web is the bridge as people see it in a browser: pages, a JSON API,
// live events, health and metrics. It knows devices only as plain data, through
// the interface Bridge.
package web
