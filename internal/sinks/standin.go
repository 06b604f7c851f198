package sinks

import (
	"strconv"

	"github.com/millrace/millrace/internal/row"
)

func appendText(dst []byte, v row.Value, t row.Type) []byte {
	if t.IsArray() {
		dst = append(dst, '{')
		for i, e := range v.Array() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if e.Null {
				dst = append(dst, "NULL"...)
				continue
			}
			dst = append(dst, '"')
			for _, b := range appendText(nil, e, t.Elem()) {
				if b == '"' || b == '\\' {
					dst = append(dst, '\\')
				}
				dst = append(dst, b)
			}
			dst = append(dst, '"')
		}
		return append(dst, '}')
	}
	switch t.Rep() {
	case row.RepText:
		return append(dst, v.S...)
	case row.RepFloat:
		return strconv.AppendFloat(dst, v.Float(), 'g', -1, 64)
	case row.RepRef:
		return append(dst, v.Decimal().Text('f')...)
	}
	return strconv.AppendInt(dst, v.N, 10)
}
