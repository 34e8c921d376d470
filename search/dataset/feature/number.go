package feature

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form is a way of writing numbers, which is the same in all cells of a column. A cell may fit several.
type form uint8

const (
	point       form = 1 << iota // 1234.5
	commaGroups                  // 1,234.5
	comma                        // 1234,5 or 1.234,5 or 1 234,5 with no-break spaces
	apostrophes                  // 1'234.5, also with no-break spaces
	noForm      form = 0
	anyForm     form = 1<<iota - 1
)

// forms lists the forms, the most likely first.
var forms = [...]form{point, commaGroups, comma, apostrophes}

// formNames are their names in JSON and for people.
var formNames = map[form]string{
	point:       "decimal points",
	commaGroups: "decimal points and commas between thousands",
	comma:       "decimal commas",
	apostrophes: "decimal points and apostrophes between thousands",
}

// Comma reports whether numbers are written with decimal commas.
func (e *Encoder) Comma() bool { return e.form() == comma }

// units are what may stand before or after a number. The index of the unit is kept; 0 means none.
var units = [...]string{"", "%", "$", "€", "£", "¥", "₹", "₩", "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "SEK", "NOK", "DKK"}

const percent = 1 // in units

// number is what a cell says as a number.
type number struct {
	forms form    // none for a cell that is not a number
	point float64 // its value if points are decimal
	comma float64 // its value if commas are decimal
	unit  uint8   // in units
	whole bool    // there is no decimal mark and no exponent
	zeros bool    // a zero leads other digits, as in 0123
}

// value is the number in a form that it fits.
func (n number) value(f form) float64 {
	if f == comma {
		return n.comma
	}
	return n.point
}

// infinite reports whether a float32 cannot hold the number.
func infinite(x float64) bool { return math.Abs(x) > math.MaxFloat32 }

// parseNumber reads a cell without spaces around it.
func parseNumber(cell string) (n number) {
	const longest = 64 // any number that a person writes is shorter
	if cell == "" || len(cell) > longest {
		return n
	}
	body, negative := sign(cell)
	if c := body; c != "" && (c[0] < '0' || c[0] > '9') && c[0] != '.' {
		if body, n.unit = unitBefore(body); n.unit != 0 && !negative {
			body, negative = sign(body)
		}
		if word := body; n.unit == 0 && (strings.EqualFold(word, "inf") || strings.EqualFold(word, "infinity")) {
			x := math.Inf(1)
			if negative {
				x = math.Inf(-1)
			}
			return number{forms: anyForm, point: x, comma: x}
		}
	}
	if body == "" {
		return number{}
	}
	if last := body[len(body)-1]; n.unit == 0 && (last < '0' || last > '9') && last != '.' {
		body, n.unit = unitAfter(body)
	}
	n.read(body)
	if negative {
		n.point, n.comma = -n.point, -n.comma
	}
	if n.forms == noForm {
		return number{}
	}
	return n
}

// sign takes the sign off a number.
func sign(text string) (rest string, negative bool) {
	switch {
	case strings.HasPrefix(text, "-"):
		return text[1:], true
	case strings.HasPrefix(text, "+"):
		return text[1:], false
	case strings.HasPrefix(text, "−"): // the minus sign of typesetters
		return text[len("−"):], true
	}
	return text, false
}

func unitBefore(text string) (rest string, unit uint8) {
	for i := percent + 1; i < len(units); i++ {
		if after, ok := strings.CutPrefix(text, units[i]); ok {
			return trimSpaces(after), uint8(i)
		}
	}
	return text, 0
}

func unitAfter(text string) (rest string, unit uint8) {
	for i := percent; i < len(units); i++ {
		if before, ok := strings.CutSuffix(text, units[i]); ok {
			return trimSpaces(before), uint8(i)
		}
	}
	return text, 0
}

// trimSpaces removes spaces, no-break ones too.
func trimSpaces(text string) string { return strings.Trim(text, " \u00a0\u202f") }

// read reads a number without a sign or a unit in all forms.
func (n *number) read(body string) {
	marks, exponent, digits := 0, len(body), 0
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c >= '0' && c <= '9':
			digits++
		case (c == 'e' || c == 'E') && digits > 0:
			exponent = i
		default:
			marks++
		}
		if exponent == i {
			break
		}
	}
	if digits == 0 {
		return
	}
	body, power := body[:exponent], body[exponent:]
	if power != "" && !isPower(power) {
		return
	}
	n.whole = marks == 0 && power == ""
	n.zeros = digits > 1 && body[0] == '0' && len(body) > 1 && isDigit(body[1])
	if marks == 0 {
		n.forms, n.point = anyForm, plain(body, power)
		n.comma = n.point
		return
	}
	if whole, fraction, ok := digitsAround(body, '.'); ok {
		n.forms, n.point = point|commaGroups|apostrophes, plain2(whole, fraction, power)
	} else {
		whole, fraction, _ := strings.Cut(body, ".")
		if onlyDigits(fraction) && power == "" {
			if joined, ok := ungroup(whole, ","); ok {
				n.forms, n.point = commaGroups, plain2(joined, fraction, power)
			} else if joined, ok := ungroup(whole, "'", "’", "\u00a0", "\u202f"); ok {
				n.forms, n.point = apostrophes, plain2(joined, fraction, power)
			}
		}
	}
	if power != "" {
		return
	}
	whole, fraction, _ := strings.Cut(body, ",")
	if !onlyDigits(fraction) {
		return
	}
	if joined, ok := ungroup(whole, ".", "\u00a0", "\u202f"); ok {
		n.forms |= comma
		n.comma = plain2(joined, fraction, "")
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func onlyDigits(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return true
}

// isPower reports whether a text is an exponent, such as e-3.
func isPower(text string) bool {
	text = text[1:]
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	return text != "" && onlyDigits(text)
}

// digitsAround splits a text that is digits but for one mark.
func digitsAround(text string, mark byte) (whole, fraction string, ok bool) {
	i := strings.IndexByte(text, mark)
	if i < 0 || !onlyDigits(text[:i]) || !onlyDigits(text[i+1:]) {
		return "", "", false
	}
	return text[:i], text[i+1:], true
}

// ungroup joins groups of thousands: 1 to 3 digits, then always 3. One separator must be used throughout; digits without one are fine.
func ungroup(text string, separators ...string) (digits string, ok bool) {
	if onlyDigits(text) {
		return text, true
	}
	if len(text) < len("1,234") || isDigit(text[len(text)-4]) {
		return "", false
	}
	for _, s := range separators {
		if last := strings.LastIndex(text, s); last < 0 || len(text) != last+len(s)+3 {
			continue
		}
		groups := strings.Split(text, s)
		for i, g := range groups {
			if !onlyDigits(g) || i > 0 && len(g) != 3 || len(g) < 1 || len(g) > 3 {
				return "", false
			}
		}
		return strings.Join(groups, ""), true
	}
	return "", false
}

// plain is the number that digits and an exponent stand for; infinite if it is too large.
func plain(digits, power string) float64 {
	if power == "" && len(digits) <= 15 {
		var x int64
		for i := range len(digits) {
			x = x*10 + int64(digits[i]-'0')
		}
		return float64(x)
	}
	return parseFloat(digits + power)
}

var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// plain2 is plain with digits after the decimal mark.
func plain2(whole, fraction, power string) float64 {
	if power == "" && len(whole)+len(fraction) <= 15 { // both numbers are exact, so the quotient is rounded once
		var x int64
		for i := range len(whole) {
			x = x*10 + int64(whole[i]-'0')
		}
		for i := range len(fraction) {
			x = x*10 + int64(fraction[i]-'0')
		}
		return float64(x) / tens[len(fraction)]
	}
	return parseFloat(whole + "." + fraction + power)
}

func parseFloat(text string) float64 {
	x, _ := strconv.ParseFloat(text, 64) // the text is checked: the only error is a number out of range, an infinity
	return x
}

// trim removes the spaces around a cell; most have none.
func trim(cell string) string {
	if cell == "" {
		return cell
	}
	if first, last := cell[0], cell[len(cell)-1]; first > ' ' && last > ' ' && first < utf8.RuneSelf && last < utf8.RuneSelf {
		return cell
	}
	return strings.TrimSpace(cell)
}
