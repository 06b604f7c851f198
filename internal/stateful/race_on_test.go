//go:build race

package stateful

const raceDetector = true
