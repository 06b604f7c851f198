package config

import (
	"fmt"
	"log/slog"
)

// Secret is text that must not be shown. Everything that prints it prints "REDACTED"; only Reveal gives it.
type Secret string

const redacted = "REDACTED"

// Reveal returns the secret, for whoever has to use it.
func (s Secret) Reveal() string { return string(s) }

// String returns "REDACTED".
func (s Secret) String() string { return redacted }

// GoString returns "REDACTED", for %#v.
func (s Secret) GoString() string { return redacted }

// Format writes "REDACTED" whatever the verb is: fmt does not ask String for %d, and shows what it got in its complaint.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) } // fmt's own writer does not fail

// MarshalJSON returns "REDACTED".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "REDACTED", for encoders of text. (A map with secrets as keys is beyond it: encoding/json writes those as they are.)
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "REDACTED".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
