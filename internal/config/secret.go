package config

import "log/slog"

// Secret is text that must not be shown. Everything that prints it prints "REDACTED"; only Reveal gives it.
type Secret string

const redacted = "REDACTED"

// Reveal returns the secret, for whoever has to use it.
func (s Secret) Reveal() string { return string(s) }

// String returns "REDACTED".
func (s Secret) String() string { return redacted }

// GoString returns "REDACTED", for %#v.
func (s Secret) GoString() string { return redacted }

// MarshalJSON returns "REDACTED".
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "REDACTED", for encoders of text and for map keys.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "REDACTED".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
