package mqtt

// waiting counts the values that wait for the connection.
func (o *outbox) waiting() (n int) {
	o.mu.Lock()
	all := append([]*page(nil), o.all...)
	o.mu.Unlock()
	for _, p := range all {
		n += p.waiting()
	}
	return n
}

func (p *page) waiting() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.cells {
		if p.cells[i].dirty {
			n++
		}
	}
	return n
}
