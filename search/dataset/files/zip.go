package files

import (
	"bufio"
	"cmp"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Zip files are read here and not with archive/zip, because its list takes some 300 bytes per entry, and knows nothing of entries
// that overlap.

const (
	stored   = 0
	deflated = 8
)

// Signatures and sizes of a zip file's records.
const (
	localSignature     = "PK\x03\x04"
	directorySignature = "PK\x01\x02"
	endSignature       = "PK\x05\x06"
	locatorSignature   = "PK\x06\x07"
	end64Signature     = "PK\x06\x06"

	localSize, directorySize, endSize, locatorSize, end64Size = 30, 46, 22, 20, 56
)

var errNoZip = errors.New("it is not a zip archive, or a truncated or damaged one")

// readZip lists the entries of a zip file.
func readZip(ctx context.Context, f io.ReaderAt, size int64) ([]entry, error) {
	start, length, base, err := zipDirectory(f, size)
	if err != nil {
		return nil, err
	}
	directory := bufio.NewReader(io.NewSectionReader(f, start, length))
	var l listing
	var variable []byte
	for n := 0; ; n++ {
		if n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		e, err := readZipEntry(directory, &variable)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if e.offset > math.MaxInt64-base || e.offset+base > start-localSize || e.packed > start-e.offset-base-localSize {
			return nil, fmt.Errorf("%w: the content of entry %q is not in the file", errNoZip, e.name)
		}
		e.offset += base
		if strings.HasSuffix(e.name, "/") || e.size == 0 && strings.HasSuffix(e.name, `\`) {
			continue // a folder
		}
		if err := l.add(e); err != nil {
			return nil, err
		}
	}
	return l.entries, checkOverlap(l.entries)
}

// zipDirectory finds the directory of a zip file, and the number to add to all offsets in it: what precedes the archive.
func zipDirectory(f io.ReaderAt, size int64) (start, length, base int64, err error) {
	const mostComment = math.MaxUint16
	tail := make([]byte, min(size, endSize+mostComment))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return 0, 0, 0, err
	}
	at := -1
	for i := len(tail) - endSize; i >= 0; i-- {
		if string(tail[i:i+4]) == endSignature && i+endSize+int(binary.LittleEndian.Uint16(tail[i+20:])) <= len(tail) {
			at = i
			break
		}
	}
	if at < 0 {
		return 0, 0, 0, cmp.Or(CheckPointer(tail), errNoZip)
	}
	end := size - int64(len(tail)-at)
	record := tail[at:]
	disk, disks := uint32(binary.LittleEndian.Uint16(record[4:])), uint32(1)
	length64, offset64 := uint64(binary.LittleEndian.Uint32(record[12:])), uint64(binary.LittleEndian.Uint32(record[16:]))
	if binary.LittleEndian.Uint16(record[10:]) == math.MaxUint16 || length64 == math.MaxUint32 || offset64 == math.MaxUint32 {
		large := make([]byte, locatorSize)
		if _, err := f.ReadAt(large, end-locatorSize); end >= locatorSize && err == nil && string(large[:4]) == locatorSignature {
			at := binary.LittleEndian.Uint64(large[8:])
			disks = binary.LittleEndian.Uint32(large[16:])
			large = make([]byte, end64Size)
			if at > uint64(end) {
				return 0, 0, 0, errNoZip
			}
			if _, err := f.ReadAt(large, int64(at)); err != nil || string(large[:4]) != end64Signature {
				return 0, 0, 0, errNoZip
			}
			end = int64(at)
			disk = binary.LittleEndian.Uint32(large[16:])
			length64, offset64 = binary.LittleEndian.Uint64(large[40:]), binary.LittleEndian.Uint64(large[48:])
		}
	}
	if disk != 0 || disks > 1 {
		return 0, 0, 0, errors.New("the zip archive is split over several files: join them first")
	}
	if length64 > uint64(end) || offset64 > uint64(end)-length64 {
		return 0, 0, 0, errNoZip
	}
	start, length = end-int64(length64), int64(length64)
	signature := make([]byte, 4)
	if _, err := f.ReadAt(signature, int64(offset64)); err == nil && string(signature) == directorySignature {
		start = int64(offset64) // nothing precedes the archive, whatever lies between the directory and its end
	}
	return start, length, start - int64(offset64), nil
}

// readZipEntry reads an entry of the directory. It uses and grows buffer.
func readZipEntry(r *bufio.Reader, buffer *[]byte) (entry, error) {
	var fixed [directorySize]byte
	if _, err := io.ReadFull(r, fixed[:]); err == io.EOF {
		return entry{}, io.EOF
	} else if err != nil || string(fixed[:4]) != directorySignature {
		return entry{}, errNoZip
	}
	short := func(at int) uint16 { return binary.LittleEndian.Uint16(fixed[at:]) }
	long := func(at int) uint32 { return binary.LittleEndian.Uint32(fixed[at:]) }
	n := int(short(28)) + int(short(30)) + int(short(32)) // at most 3 × 64 KiB
	*buffer = slices.Grow((*buffer)[:0], n)
	variable := (*buffer)[:n]
	if _, err := io.ReadFull(r, variable); err != nil {
		return entry{}, errNoZip
	}
	name, extra := variable[:short(28)], variable[short(28):][:short(30)]
	sizes := [3]uint64{uint64(long(24)), uint64(long(20)), uint64(long(42))} // content, packed, offset
	for len(extra) >= 4 {
		tag, n := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			break
		}
		field := extra[:n]
		for i := range sizes {
			if tag == 1 && sizes[i] == math.MaxUint32 {
				if len(field) < 8 {
					return entry{}, errNoZip
				}
				sizes[i], field = binary.LittleEndian.Uint64(field), field[8:]
			}
		}
		extra = extra[n:]
	}
	for _, n := range sizes {
		if n > math.MaxInt64 {
			return entry{}, errNoZip
		}
	}
	e := entry{size: int64(sizes[0]), packed: int64(sizes[1]), offset: int64(sizes[2]), sum: long(16), method: short(10)}
	if short(8)&1 != 0 {
		e.kind = encrypted
	}
	const typeOf, linkType, regularType, folderType = 0xf000, 0xa000, 0x8000, 0x4000
	switch long(38) >> 16 & typeOf { // the mode on Unix, 0 elsewhere
	case 0, regularType, folderType:
	case linkType:
		e.kind = link
	default:
		e.kind = special
	}
	if e.name = string(name); !utf8.Valid(name) {
		e.name = fromCodePage(name)
	}
	return e, nil
}

// codePage437 are the characters from 0x80 on in the names of old zip files.
const codePage437 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0"

var fromPage = []rune(codePage437)

func fromCodePage(name []byte) string {
	var b strings.Builder
	for _, c := range name {
		if c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			b.WriteRune(fromPage[c-utf8.RuneSelf])
		}
	}
	return b.String()
}

// checkOverlap returns an error if entries share bytes: such archives unpack to far more than others of their size.
func checkOverlap(entries []entry) error {
	order := make([]int32, len(entries)) // mostEntries fits
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Compare(entries[i].offset, entries[j].offset) })
	for i := 1; i < len(order); i++ {
		a, b := &entries[order[i-1]], &entries[order[i]]
		if b.offset-a.offset < localSize+a.packed {
			return fmt.Errorf("the entries %q and %q overlap: the archive is damaged or a decompression bomb", a.name, b.name)
		}
	}
	return nil
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// zipContent returns where the bytes of an entry are in the file.
func zipContent(f io.ReaderAt, size int64, e entry) (first int64, err error) {
	var header [localSize]byte
	if _, err := f.ReadAt(header[:], e.offset); err != nil {
		return 0, explain(err)
	}
	if string(header[:4]) != localSignature {
		return 0, errors.New("the archive is damaged: there is no entry where its directory says")
	}
	first = e.offset + localSize + int64(binary.LittleEndian.Uint16(header[26:])) + int64(binary.LittleEndian.Uint16(header[28:]))
	if first > size-e.packed {
		return 0, errors.New("the archive is truncated")
	}
	return first, nil
}

// openZipEntry opens the content of an entry.
func openZipEntry(f io.ReaderAt, size int64, o Options, e entry) (io.ReadCloser, error) {
	if most := o.bound(e.packed); e.size > most {
		return nil, tooLarge(most)
	}
	first, err := zipContent(f, size, e)
	if err != nil {
		return nil, err
	}
	z := &zipReader{left: e.size, sum: e.sum, r: io.NewSectionReader(f, first, e.packed)}
	if e.method == deflated {
		z.inflater = inflaters.Get().(io.ReadCloser)
		_ = z.inflater.(flate.Resetter).Reset(bufio.NewReader(z.r), nil) // does not fail
		z.r = z.inflater
	}
	return z, nil
}

// zipReader reads the content of an entry and checks its size and checksum.
type zipReader struct {
	r         io.Reader
	inflater  io.ReadCloser
	left      int64
	sum, have uint32
}

func (z *zipReader) Read(p []byte) (int, error) {
	if z.r == nil {
		return 0, errors.New("the entry is closed")
	}
	n, err := z.r.Read(p)
	z.have = crc32.Update(z.have, crc32.IEEETable, p[:n])
	if z.left -= int64(n); z.left < 0 {
		return 0, errors.New("the archive is damaged: the entry is longer than its directory says")
	}
	if err == io.EOF && z.left > 0 {
		return n, errors.New("the archive is damaged: the entry is shorter than its directory says")
	}
	if err == io.EOF && z.have != z.sum {
		return n, errors.New("the archive is damaged: the checksum of the entry is wrong")
	}
	if _, corrupt := err.(flate.CorruptInputError); corrupt {
		err = errors.New("the archive is damaged: the compressed data are not valid")
	}
	return n, err
}

func (z *zipReader) Close() error {
	if z.inflater != nil {
		inflaters.Put(z.inflater)
	}
	z.r, z.inflater = nil, nil
	return nil
}
