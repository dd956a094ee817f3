package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// lasting says how long something takes, as people say it.
func lasting(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return plural(int(d.Round(time.Second)/time.Second), "second")
	case d < 2*time.Hour:
		return plural(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return plural(int(d.Round(time.Hour)/time.Hour), "hour")
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// number is how many there are at the beginning of a sentence.
func number(n int) string {
	if n == 0 {
		return "No"
	}
	return fmt.Sprint(n)
}

func clock(at time.Time) string { return at.Format("15:04") }

// join puts what was measured into one line.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}
