// Package flights holds the example data, for the demo: 200,000 flights within the United States in the first quarter of 2001, in the
// order of their dates, and a pipeline that reads them.
package flights

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the data is part of the binary: the demo needs no file
	"fmt"
	"io"
)

// ByOrigin is the pipeline file that keeps delays by airport.
//
//go:embed by_origin.yaml
var ByOrigin []byte

//go:embed data/flights.ndjson.gz
var compressed []byte

// Lines are the flights, one JSON object each.
func Lines() ([][]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("read the flights: %w", err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read the flights: %w", err)
	}
	return bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n")), nil
}
