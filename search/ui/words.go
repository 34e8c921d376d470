package ui

import (
	"fmt"
	"time"
)

// took is a duration for people: "0.4 s", "3 m 05 s", "2 h 14 m", "3 d 4 h".
func took(d time.Duration) string {
	switch s := int64(d.Round(time.Second) / time.Second); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d m %02d s", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%d h %02d m", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
	}
}

// spanText is a time between two numbers of seconds.
func spanText(least, most float64) string {
	if a, b := took(duration(least).Round(time.Second)), took(duration(most).Round(time.Second)); a != b {
		return a + " to " + b
	}
	return took(duration(most).Round(time.Second))
}

// when is a moment, in UTC.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
