// Package wav decodes WAV files: uncompressed PCM, one channel, 8 or 16 bits per sample (RIFF, "Multimedia Programming
// Interface and Data Specifications 1.0", 1991).
package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sound is a decoded recording.
type Sound struct {
	Rate    int       // samples per second
	Samples []float32 // in [−1, 1)
}

// Decode decodes the bytes of a file. Chunks may come in any order; those other than "fmt " and "data" are skipped.
// More than one channel, compressed sound and other sample sizes are errors.
func Decode(file []byte) (Sound, error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return Sound{}, errors.New("not a wav file: it does not start with RIFF....WAVE")
	}
	var format, data []byte
	for rest := file[12:]; len(rest) >= 8 && (format == nil || data == nil); {
		name, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[8:]
		if size > int64(len(rest)) {
			return Sound{}, fmt.Errorf("wav: the file is truncated: chunk %q has %d of %d bytes", name, len(rest), size)
		}
		switch name {
		case "fmt ":
			format = rest[:size:size]
		case "data":
			data = rest[:size:size]
		}
		padded := min(size+size&1, int64(len(rest))) // chunks begin at even offsets
		rest = rest[padded:]
	}
	if format == nil || data == nil {
		return Sound{}, errors.New("wav: the file has no \"fmt \" or no \"data\" chunk")
	}
	if len(format) < 16 {
		return Sound{}, fmt.Errorf("wav: chunk \"fmt \" has %d bytes, want 16", len(format))
	}
	encoding, channels := binary.LittleEndian.Uint16(format), binary.LittleEndian.Uint16(format[2:])
	rate, bits := binary.LittleEndian.Uint32(format[4:]), binary.LittleEndian.Uint16(format[14:])
	if encoding != 1 {
		return Sound{}, fmt.Errorf("wav: encoding %d is not supported, only 1 (PCM)", encoding)
	}
	if channels != 1 {
		return Sound{}, fmt.Errorf("wav: %d channels are not supported, only 1", channels)
	}
	if rate == 0 {
		return Sound{}, errors.New("wav: the rate is 0")
	}
	sound := Sound{Rate: int(rate)}
	switch bits {
	case 8:
		sound.Samples = make([]float32, len(data))
		for i, b := range data {
			sound.Samples[i] = (float32(b) - 128) / 128
		}
	case 16:
		if len(data)%2 != 0 {
			return Sound{}, errors.New("wav: the last sample is truncated")
		}
		sound.Samples = make([]float32, len(data)/2)
		for i := range sound.Samples {
			sound.Samples[i] = float32(int16(binary.LittleEndian.Uint16(data[2*i:]))) / 32768
		}
	default:
		return Sound{}, fmt.Errorf("wav: %d bits per sample are not supported, only 8 and 16", bits)
	}
	return sound, nil
}
