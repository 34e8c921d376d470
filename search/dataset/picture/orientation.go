package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation is how a stored picture must be turned to be seen upright, as EXIF numbers it.
type orientation int

// upright is the orientation of a picture that is stored as it is seen.
const upright orientation = 1

// swaps reports whether turning the picture swaps its width and height.
func (o orientation) swaps() bool { return o >= 5 }

// turn writes the upright picture of a stored one with the given height and width. Both hold channel by channel.
func (o orientation) turn(stored []float32, height, width int, upright []float32) {
	high, wide := height, width // of the upright picture
	if o.swaps() {
		high, wide = width, height
	}
	for first := 0; first < len(stored); first += height * width {
		from, to := stored[first:], upright[first:]
		for y := range high {
			for x := range wide {
				sx, sy := x, y
				switch o {
				case 2:
					sx = width - 1 - x
				case 3:
					sx, sy = width-1-x, height-1-y
				case 4:
					sy = height - 1 - y
				case 5:
					sx, sy = y, x
				case 6:
					sx, sy = y, height-1-x
				case 7:
					sx, sy = width-1-y, height-1-x
				case 8:
					sx, sy = width-1-y, x
				}
				to[y*wide+x] = from[sy*width+sx]
			}
		}
	}
}

// exifOrientation reads the orientation from EXIF data. If they have none, or are damaged, the picture is upright: it may
// still be sound.
func exifOrientation(data []byte) orientation {
	if o := orientation(tiffTag(bytes.TrimPrefix(data, []byte("Exif\x00\x00")), 0x0112)); o >= 1 && o <= 8 {
		return o
	}
	return upright
}

// tiffTag reads a 16-bit number from the first directory of a TIFF file, which is the structure of EXIF data too. It returns 0 if
// there is none.
func tiffTag(data []byte, tag uint16) uint16 {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(data, []byte("II*\x00")):
		order = binary.LittleEndian
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 0
	}
	if len(data) < 8 {
		return 0
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return 0
	}
	entries := data[at+2:]
	for range order.Uint16(data[at:]) {
		const size, short = 12, 3
		if len(entries) < size {
			break
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			return order.Uint16(entries[8:])
		}
		entries = entries[size:]
	}
	return 0
}
