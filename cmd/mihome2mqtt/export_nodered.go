package main

import "math"

// node is a node of a flow; which fields it has depends on its type.
type node map[string]any

// nodeRed writes a flow to import: one node for all that the device tells, and for
// each order a button that gives it.
func nodeRed(d *exported) string {
	f := &flow{id: "mihome" + identifier(d.id), nodes: []node{}}
	broker := f.id + "broker"
	f.nodes = append(f.nodes,
		node{"id": f.id, "type": "tab", "label": d.name},
		node{"id": broker, "type": "mqtt-broker", "name": "mihome2mqtt", "broker": d.host, "port": d.port, "autoConnect": true, "protocolVersion": "4", "keepalive": "60", "cleansession": true})
	told := f.id + "told"
	f.place(1, node{"id": told, "type": "debug", "name": d.name, "active": true, "tosidebar": true, "complete": "payload", "wires": []string{}})
	for i := range d.parts {
		t := &d.parts[i]
		in, press, out := f.id+t.id+"in", f.id+t.id+"press", f.id+t.id+"out"
		if t.state {
			f.row++
			f.place(0, node{"id": in, "type": "mqtt in", "name": t.label, "topic": t.topic, "qos": "1", "datatype": "utf8", "broker": broker, "wires": [][]string{{told}}})
		}
		if t.command {
			f.row++
			f.place(0, node{"id": press, "type": "inject", "name": t.label + ": " + example(t), "payload": example(t), "payloadType": "str", "topic": "", "wires": [][]string{{out}}})
			f.place(1, node{"id": out, "type": "mqtt out", "name": t.label, "topic": t.set(), "qos": "1", "retain": "false", "broker": broker, "wires": []string{}})
		}
	}
	return indented(f.nodes)
}

// flow is a page of nodes in rows and columns.
type flow struct {
	id    string
	nodes []node
	row   int
}

// place puts a node into a column of the present row.
func (f *flow) place(column int, n node) {
	n["z"], n["x"], n["y"] = f.id, 180+300*column, 60+50*f.row
	f.nodes = append(f.nodes, n)
}

// example is an order that a topic takes.
func example(t *part) string {
	switch {
	case t.kind == onOff:
		return "ON"
	case t.kind == press:
		return "PRESS"
	case t.kind == colour:
		return "255,140,0"
	case len(t.options) > 0:
		return t.options[0]
	case t.kind == number:
		return short(t.min + t.step*math.Floor((t.max-t.min)/(2*t.step)))
	}
	return "hello"
}
