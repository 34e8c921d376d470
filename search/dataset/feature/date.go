package feature

import (
	"math"
	"strings"
	"time"
)

// layout is a way of writing dates and times, which is the same in all cells of a column. A cell may fit several, such as
// 1/2/2024.
type layout uint16

const (
	iso        layout = 1 << iota // 2024-01-31, 2024/1/31; also without the day
	dayFirst                      // 31/1/2024, 31.01.2024, 31-1-24
	monthFirst                    // 1/31/2024
	named                         // 31 Jan 2024, January 31, 2024
	compact                       // 20240131
	clock                         // 12:30, 12:30:15.5, 3 pm: a time without a date
	year                          // 2024; only where a person says that it is a date
	epoch                         // seconds since 1970, or milliseconds or more; the same
	noLayout   layout = 0
)

// layouts lists the layouts that are recognised, the most likely first, and then those that a person has to ask for.
var layouts = [...]layout{iso, dayFirst, monthFirst, named, compact, clock, year, epoch}

// recognised are the layouts that are not just numbers.
const recognised = iso | dayFirst | monthFirst | named | compact | clock

var layoutNames = map[layout]string{
	iso: "year-month-day", dayFirst: "day/month/year", monthFirst: "month/day/year", named: "with the month's name",
	compact: "yyyymmdd", clock: "times", year: "years", epoch: "seconds since 1970",
}

// moment is a date, a time or both.
type moment struct {
	year, month, day int     // month and day are 1 if they are not given; all are 0 for a time alone
	hour             float64 // 0 to 24
	timed            bool    // there is a time
	seconds          float64 // since 1970 in UTC, or since midnight for a time alone
}

// weekday is 1 for Monday to 7 for Sunday.
func (m moment) weekday() int {
	day := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC).Weekday()
	return (int(day)+6)%7 + 1
}

// parseDate reads a cell, without spaces around it, in all layouts of the mask. The layouts that fit are returned. Day first and
// month first may both fit; then m is of the first one in the mask.
func parseDate(cell string, mask layout) (m moment, fits layout) {
	const longest = 40
	if len(cell) < 1 || len(cell) < 3 && mask&epoch == 0 || len(cell) > longest {
		return m, noLayout
	}
	if rest, negative := sign(cell); mask&epoch != 0 && rest != cell && rest != "" && onlyDigits(rest) {
		if cell = rest; negative {
			cell = "-" + rest
		}
	}
	if c := cell[0]; !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && (mask&epoch == 0 || c != '-') {
		return m, noLayout
	}
	date, clockText := splitClock(cell)
	var offset float64
	if clockText != "" {
		var ok bool
		if m.hour, offset, ok = parseClock(clockText); !ok {
			return moment{}, noLayout
		}
		m.timed = true
	}
	if date == "" {
		if mask&clock == 0 || !m.timed {
			return moment{}, noLayout
		}
		m.seconds = m.hour * 3600
		return m, clock
	}
	m, fits = m.parseDay(date, mask)
	if fits == noLayout {
		return moment{}, noLayout
	}
	if fits&epoch == 0 {
		m.seconds = float64(time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC).Unix()) + m.hour*3600 - offset
	}
	return m, fits
}

// splitClock splits a date from the time after it. Without a colon only "3 pm" is a time.
func splitClock(cell string) (date, clockText string) {
	colon := strings.IndexByte(cell, ':')
	if colon < 0 {
		if len(cell) <= len("12 p.m.") && strings.HasSuffix(strings.ToLower(strings.ReplaceAll(cell, ".", "")), "m") && isDigit(cell[0]) {
			return "", cell
		}
		return cell, ""
	}
	start := colon
	for start > 0 && isDigit(cell[start-1]) {
		start--
	}
	date = cell[:start]
	if cut := strings.TrimRight(date, " ,"); cut != date {
		return cut, cell[start:]
	}
	if n := len(date); n > 1 && (date[n-1] == 'T' || date[n-1] == 't') && isDigit(date[n-2]) {
		return date[:n-1], cell[start:]
	}
	if date != "" {
		return cell, ""
	}
	return "", cell[start:]
}

// parseClock reads 12:30, 12:30:15.5, 3:30 pm and 3 pm, with an offset from UTC or without. The hour has a fraction; the offset is in
// seconds.
func parseClock(text string) (hour, offset float64, ok bool) {
	h, rest, ok := take(text, 1, 2)
	if !ok || h > 24 {
		return 0, 0, false
	}
	minutes, seconds := 0, 0.0
	if strings.HasPrefix(rest, ":") {
		if minutes, rest, ok = take(rest[1:], 2, 2); !ok || minutes > 59 {
			return 0, 0, false
		}
		if strings.HasPrefix(rest, ":") {
			var s int
			if s, rest, ok = take(rest[1:], 2, 2); !ok || s > 60 {
				return 0, 0, false
			}
			seconds = float64(s)
			if rest != "" && (rest[0] == '.' || rest[0] == ',') {
				n := 1
				for n < len(rest) && isDigit(rest[n]) {
					n++
				}
				if n == 1 || n > 10 {
					return 0, 0, false
				}
				seconds += plain2("", rest[1:n], "")
				rest = rest[n:]
			}
		}
	}
	rest = strings.TrimLeft(rest, " \u00a0\u202f")
	half := strings.ToLower(strings.ReplaceAll(rest, ".", ""))
	switch {
	case half == "am" || half == "pm":
		if h < 1 || h > 12 {
			return 0, 0, false
		}
		if h %= 12; half == "pm" {
			h += 12
		}
	case !strings.Contains(text, ":"):
		return 0, 0, false
	default:
		if offset, ok = parseOffset(rest); !ok {
			return 0, 0, false
		}
	}
	hour = float64(h) + float64(minutes)/60 + seconds/3600
	return hour, offset, hour <= 24
}

// parseOffset reads Z, UTC, GMT, +02:00, -0500 and +02.
func parseOffset(text string) (seconds float64, ok bool) {
	switch strings.ToUpper(text) {
	case "", "Z", "UTC", "GMT":
		return 0, true
	}
	if text[0] != '+' && text[0] != '-' || len(text) < 3 {
		return 0, false
	}
	hours, _, ok := take(text[1:3], 2, 2)
	if !ok || hours > 15 {
		return 0, false
	}
	minutes := 0
	if rest := strings.TrimPrefix(text[3:], ":"); rest != "" {
		if minutes, rest, ok = take(rest, 2, 2); !ok || rest != "" || minutes > 59 {
			return 0, false
		}
	}
	seconds = float64(hours*3600 + minutes*60)
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// take reads a number of least to most digits from the beginning of a text.
func take(text string, least, most int) (n int, rest string, ok bool) {
	digits := 0
	for digits < len(text) && isDigit(text[digits]) {
		if digits++; digits > most {
			return 0, text, false
		}
		n = n*10 + int(text[digits-1]-'0')
	}
	return n, text[digits:], digits >= least
}

// parseDay reads a date without a time.
func (m moment) parseDay(text string, mask layout) (moment, layout) {
	if onlyDigits(text) || text[0] == '-' {
		return m.parseDigits(text, mask)
	}
	if !isDigit(text[0]) || hasLetter(text) {
		if mask&named != 0 && m.parseNamed(text) {
			return m, named
		}
		return m, noLayout
	}
	first, rest, ok := take(text, 1, 4)
	if !ok || rest == "" {
		return m, noLayout
	}
	mark, width := rest[0], len(text)-len(rest)
	if mark != '-' && mark != '/' && mark != '.' {
		return m, noLayout
	}
	second, rest, ok := take(rest[1:], 1, 2)
	if !ok || width == 3 {
		return m, noLayout
	}
	if width == 4 { // the year
		third := 1
		if rest != "" {
			if rest[0] != mark {
				return m, noLayout
			}
			if third, rest, ok = take(rest[1:], 1, 2); !ok || rest != "" {
				return m, noLayout
			}
		} else if mark == '.' || m.timed {
			return m, noLayout // 2024.5 is a number
		}
		if mask&iso != 0 && m.set(first, second, third) {
			return m, iso
		}
		return m, noLayout
	}
	if rest == "" || rest[0] != mark {
		return m, noLayout
	}
	third, end, ok := take(rest[1:], 2, 4)
	if digits := len(rest) - 1; !ok || end != "" || digits == 3 {
		return m, noLayout
	} else if digits == 2 {
		third = century(third)
	}
	both := m
	fits := noLayout
	if mask&monthFirst != 0 && m.set(third, first, second) {
		fits |= monthFirst
	}
	if mask&dayFirst != 0 && both.set(third, second, first) {
		return both, fits | dayFirst
	}
	return m, fits
}

func hasLetter(text string) bool {
	for i := range len(text) {
		if c := text[i] | 0x20; c >= 'a' && c <= 'z' {
			return true
		}
	}
	return false
}

// century is the year that two digits stand for: 69 to 99 are in the last century, as in POSIX.
func century(twoDigits int) int {
	if twoDigits >= 69 {
		return 1900 + twoDigits
	}
	return 2000 + twoDigits
}

// set sets the date, if it exists.
func (m *moment) set(y, month, day int) bool {
	if y < 1 || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	if day > 28 && time.Date(y, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return false
	}
	m.year, m.month, m.day = y, month, day
	return true
}

// parseDigits reads dates that are written as one number.
func (m moment) parseDigits(text string, mask layout) (moment, layout) {
	if mask&compact != 0 && len(text) == 8 {
		if d := int(plain(text, "")); d/10000 >= 1800 && d/10000 <= 2199 && m.set(d/10000, d/100%100, d%100) {
			return m, compact
		}
	}
	if m.timed {
		return m, noLayout
	}
	if mask&year != 0 && len(text) == 4 && text[0] != '-' && m.set(int(plain(text, "")), 1, 1) {
		return m, year
	}
	n := parseNumber(text)
	if mask&epoch == 0 || !n.whole || infinite(n.point) {
		return m, noLayout
	}
	// Seconds have 10 digits in our days; a unit finer by a thousand has three more.
	seconds := n.point
	for _, limit := range []float64{1e17, 1e14, 1e11} {
		if seconds >= limit {
			seconds /= limit / 1e8
			break
		}
	}
	if math.Abs(seconds) > 1e11 { // some thousand years
		return m, noLayout
	}
	whole := int64(seconds)
	t := time.Unix(whole, 0).UTC()
	if !m.set(t.Year(), int(t.Month()), t.Day()) {
		return m, noLayout
	}
	m.timed, m.seconds = true, seconds
	m.hour = float64(t.Hour()) + float64(t.Minute())/60 + (float64(t.Second())+seconds-float64(whole))/3600
	return m, epoch
}

var monthNames = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

var dayNames = [...]string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// nameIn is the number, from 1, of the name that a word of at least three letters is or begins; 0 for none.
func nameIn(names []string, word string) int {
	if word = strings.TrimSuffix(word, "."); len(word) < 3 {
		return 0
	}
	for i, name := range names {
		if strings.EqualFold(word, name) || strings.EqualFold(word, name[:3]) || i == 8 && strings.EqualFold(word, "sept") {
			return i + 1
		}
	}
	return 0
}

// parseNamed reads a date with the name of a month: 31 Jan 2024, January 31, 2024, 31-Jan-24, Wed 31 Jan 2024, Jan 2024.
func (m *moment) parseNamed(text string) bool {
	if !isDigit(text[0]) { // most texts are not dates
		first := text[:min(len(text), 3)]
		if nameIn(monthNames[:], first) == 0 && nameIn(dayNames[:], first) == 0 {
			return false
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '-' || r == '/' })
	if len(words) > 0 && nameIn(dayNames[:], words[0]) > 0 {
		words = words[1:]
	}
	if len(words) < 2 || len(words) > 3 {
		return false
	}
	at := 0
	month := nameIn(monthNames[:], words[0])
	if month == 0 && len(words) == 3 {
		at, month = 1, nameIn(monthNames[:], words[1])
	}
	if month == 0 {
		return false
	}
	numbers := append(words[:at:at], words[at+1:]...)
	last := numbers[len(numbers)-1]
	y, rest, ok := take(last, 2, 4)
	if !ok || rest != "" || len(last) == 3 || len(last) == 2 && len(numbers) == 1 {
		return false
	}
	if len(last) == 2 {
		y = century(y)
	}
	day := 1
	if len(numbers) == 2 {
		day, rest, ok = take(numbers[0], 1, 2)
		switch strings.ToLower(rest) {
		case "", ".", "st", "nd", "rd", "th":
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return m.set(y, month, day)
}
