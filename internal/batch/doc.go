// Package batch holds the words that everyone shares (record, range, position, batch time, token) and the decisions of the
// micro-batch loop: when to cut, which batch time a batch gets, and in which order a commit's steps run. It decides only: no clock,
// goroutine, driver or map order.
package batch
