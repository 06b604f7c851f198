package ingest

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// logger gives franz-go's own messages to slog, all at debug level: what an operator must know, this package says in its own words.
type logger struct{ to *slog.Logger }

// Level is asked once a message by franz-go before it builds one.
func (l logger) Level() kgo.LogLevel {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

// Log takes a message with its key and value pairs.
func (l logger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	l.to.Debug("franz-go", append([]any{slog.String("message", msg)}, keyvals...)...)
}
