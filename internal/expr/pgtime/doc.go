// Package pgtime is Postgres's calendar: text input and output of date, timestamp, timestamptz and interval, and their arithmetic, in
// time zone UTC, DateStyle ISO, MDY and IntervalStyle postgres. It reads no clock: 'now' and its like are refused.
//
//	T1  a date is days and a timestamp microseconds since 1970-01-01; both have row.PosInfinity and row.NegInfinity.
//	T2  months, days and microseconds of an interval are kept apart; a month is 30 days only where intervals are compared or divided.
package pgtime
