// Package decode turns a record's value into the slots of a row: JSON objects by a scanner of its own that touches each byte once and
// makes no garbage, text and bytes as they are. It does not know where a record came from; whoever calls it adds partition and offset.
//
//	D1  a value is accepted only if all of it is valid: RFC 8259, used or not, nothing after it, at most MaxDepth deep and MaxBytes long.
//	D2  a wrong type is an error, never a guess: text from strings only, integers from plain integer notation only, exact to the last digit.
//	D3  what Postgres cannot store does not pass: invalid UTF-8, lone surrogates, the character U+0000.
//	D4  a used field that occurs twice in its object is an error: which one is meant cannot be known. Others may repeat.
//	D5  decoded text points into the value or into the scratch arena; it is valid as long as both are (R2).
//
// Differences from encoding/json: names are compared exactly, not by case folding; duplicates of used fields, invalid UTF-8 and lone
// surrogates are errors instead of being replaced; depth is bounded by 128 instead of 10,000.
//
// Non-obvious: what is between the end of one field's value and the start of the next one's (comma, quotes, key, colon, white space) is
// mostly the same text in all records of a topic. Each object remembers the texts it has seen in order and compares them whole; a text that
// was valid once is valid again in the same place. See guess.
package decode
