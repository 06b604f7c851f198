package main

import (
	"io"
	"log/slog"
)

// newLogger writes text for people and JSON for machines. format "" means: whoever reads decides.
func newLogger(w io.Writer, format string, level slog.Level, terminal bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "text" || format == "" && terminal {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
