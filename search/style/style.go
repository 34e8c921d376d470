// Package style is what all pages look like: colours for light and dark windows, typography, tables, controls, and what has the focus.
// A page begins with [Base] and adds only what it alone has.
//
// Texts have a contrast of at least 4.5 with every background that they stand on, and what is drawn one of at least 3. The colours of
// series, --c1 to --c6, are those of Okabe and Ito, moved apart until people with any kind of colour vision tell all of them apart.
// In print everything is light.
package style

import _ "embed"

// Theme sets the colours and fonts, as custom properties of the root element. A drawing in a file of its own needs nothing else of a
// page.
//
//go:embed theme.css
var Theme string

//go:embed base.css
var base string

// Base is the style sheet that all pages have in common. The cells of tables of the class stack become lines in narrow windows, each
// with the head of its column, which its attribute data-head has.
var Base = Theme + base
