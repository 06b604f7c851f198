package decode

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Bounds of one value.
const (
	MaxBytes = 8 << 20
	MaxDepth = 128
)

// Decoder fills a row's format columns from a record's value. It belongs to one goroutine.
//
// Decode sets out[i] for every used field i of the source and leaves the other slots alone. After an error the slots mean nothing. The error
// is always an *Error.
type Decoder interface {
	Decode(value []byte, out []row.Value, scratch *row.Arena) error
}

// Error says what is wrong with a value.
type Error struct {
	Path string // into the value, as "items.price"; "" if it is about the whole value
	Msg  string // what was wanted and what was found
	Err  error  // the cause, or nil
}

func (e *Error) Error() string {
	s := e.Msg
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ErrTombstone is the cause when a record has no value at all: it is a deletion in a compacted topic, and no row.
var ErrTombstone = errors.New("decode: the record has no value (a tombstone)")

func tombstone() error { return &Error{Msg: "nothing to decode", Err: ErrTombstone} }

// New returns a decoder for a source's format. It errs on column types that the format cannot give.
func New(s *plan.Source) (Decoder, error) {
	switch s.Format {
	case plan.JSON:
		return newObjects(s)
	case plan.Text:
		return texts{}, nil
	case plan.Bytes:
		return raw{}, nil
	}
	return nil, fmt.Errorf("decode source %q: format %d: not in this version", s.Name, s.Format)
}

// texts gives the whole value as text.
type texts struct{}

func (texts) Decode(value []byte, out []row.Value, _ *row.Arena) error {
	switch {
	case value == nil:
		return tombstone()
	case len(value) > MaxBytes:
		return tooLong(value)
	}
	if msg := unfit(value); msg != "" {
		return &Error{Msg: msg}
	}
	out[0] = row.OfText(row.String(value))
	return nil
}

// raw gives the whole value as bytea.
type raw struct{}

func (raw) Decode(value []byte, out []row.Value, _ *row.Arena) error {
	switch {
	case value == nil:
		return tombstone()
	case len(value) > MaxBytes:
		return tooLong(value)
	}
	out[0] = row.OfText(row.String(value))
	return nil
}

func tooLong(value []byte) error {
	return &Error{Msg: fmt.Sprintf("the value has %d bytes, at most %d are taken", len(value), MaxBytes)}
}

// unfit says why Postgres would not take b as text, or "".
func unfit(b []byte) string {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			if !utf8.Valid(b[i:]) {
				return badUTF8
			}
			for _, c := range b[i:] {
				if c == 0 {
					return noNUL
				}
			}
			return ""
		}
		if c == 0 {
			return noNUL
		}
	}
	return ""
}

// Messages of text that Postgres cannot store.
const (
	noNUL    = "the text has the character U+0000, which Postgres cannot store"
	halfPair = "the text has half of a surrogate pair"
	badUTF8  = "the text is not valid UTF-8"
)
