package sinks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var badRows = []struct {
	name   string
	from   row.Type
	column string
	key    bool
	v      row.Value
	want   error
	says   string
}{
	{"NUL in text", row.Text, "text", false, row.OfText("a\x00b"), ErrText, "it contains a NUL character"},
	{"broken UTF-8", row.Text, "text", false, row.OfText("a\xffb"), ErrText, "it is not valid UTF-8"},
	{"a surrogate in UTF-8", row.Text, "json", false, row.OfText("\"\xed\xa0\x80\""), ErrText, "it is not valid UTF-8"},
	{"a long varchar", row.Text, "varchar(3)", false, row.OfText("äöüß"), ErrTooLong, "4 characters where 3 fit"},
	{"a long char", row.Text, "char(3)", false, row.OfText("abc d"), ErrTooLong, "5 characters where 3 fit"},
	{"no uuid", row.Text, "uuid", false, row.OfText("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"), ErrSyntax, "for uuid"},
	{"a uuid and more", row.Text, "uuid", false, row.OfText("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 "), ErrSyntax, "for uuid"},
	{"a uuid with an open brace", row.Text, "uuid", false, row.OfText("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ErrSyntax, "for uuid"},
	{"bigint too large for integer", row.Int8, "integer", false, row.OfInt(1 << 31), ErrRange, "2147483648 does not fit integer"},
	{"integer too small for smallint", row.Int4, "smallint", false, row.OfInt(-1<<15 - 1), ErrRange, "-32769 does not fit smallint"},
	{"a timestamp before 4714 BC", row.Timestamp, "timestamp", false, row.OfInt(timestampMin + epochMicros - 1), ErrRange, "timestamp"},
	{"a date past the last", row.Date, "date", false, row.OfInt(dateEnd + epochDays), ErrRange, "date"},
	{"a date that is no timestamp", row.Date, "timestamp", false, row.OfInt(dateEnd + epochDays - 1), ErrRange, "does not fit timestamp"},
	{"a numeric too wide", row.Numeric, "numeric(5,2)", false, row.OfRef(decimal("1000.00")), ErrRange, "4 digits before the decimal point where numeric(5,2) has 3"},
	{"a bigint too wide", row.Int8, "numeric(5,2)", false, row.OfInt(-1000), ErrRange, "numeric(5,2)"},
	{"infinity", row.Numeric, "numeric(5,2)", false, row.OfRef(&apd.Decimal{Form: apd.Infinite}), ErrRange, "infinity"},
	{"too many digits", row.Numeric, "numeric", false, row.OfRef(apd.New(1, 131072)), ErrRange, "131073 digits"},
	{"too small a scale", row.Numeric, "numeric", false, row.OfRef(apd.New(1, -16384)), ErrRange, "16384 digits after"},
	{"a numeric past double precision", row.Numeric, "float8", false, row.OfRef(apd.New(1, 309)), ErrRange, "does not fit double precision"},
	{"a numeric below double precision", row.Numeric, "float8", false, row.OfRef(apd.New(1, -400)), ErrRange, "does not fit double precision"},
	{"NULL in NOT NULL", row.Text, "text NOT NULL", false, row.NullValue, ErrNull, "NULL where the table takes none"},
	{"NULL in the key", row.Text, "text", true, row.NullValue, ErrNull, "NULL where the table takes none"},
	{"a key that would be rounded", row.Numeric, "numeric(5,2)", true, row.OfRef(decimal("1.005")), ErrInexactKey, "3 digits after the decimal point, the column 2"},
	{"a time that would be rounded", row.TimestampTZ, "timestamptz(3)", true, row.OfInt(1001), ErrInexactKey, "more than 3 digits of a second"},
	{"a bad element", row.ArrayOf(row.Int8), "int[]", false, row.OfRef([]row.Value{row.OfInt(1), row.OfInt(1 << 40)}), ErrRange, "element 2: "},
}

func TestARowThatPostgresCannotHoldIsRefusedAndLeavesNothing(t *testing.T) {
	conn := connect(t)
	for i, c := range badRows {
		for _, mode := range []plan.SinkMode{plan.Append, plan.Upsert} {
			if c.key && mode == plan.Append {
				continue
			}
			t.Run(fmt.Sprintf("%s, mode %d", c.name, mode), func(t *testing.T) {
				refuse(t, conn, fmt.Sprintf("r%d_%d", i, mode), mode, i)
			})
		}
	}
}

// refuse adds a good row, the bad one and another good one: the two good ones must arrive.
func refuse(t *testing.T, conn *pgx.Conn, name string, mode plan.SinkMode, i int) {
	c, key := badRows[i], "id"
	if c.key {
		key = "v"
	}
	execute(t, conn, fmt.Sprintf("CREATE TABLE %s (id int, v %s, UNIQUE (%s))", name, c.column, key))
	s := sinkOf(mode, name, []string{key}, col("id", row.Int4), col("v", c.from))
	table := open(t, conn, s)
	buf, good := table.NewBuffer(), goodValue(c.from, c.column)
	add(t, buf, row.OfInt(1), good)
	rows, size := buf.Len(), buf.Bytes()

	err := buf.Add([]row.Value{row.OfInt(2), c.v})
	var refused *RowError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, RowError{Sink: "postgres:" + name, Column: "v", Err: refused.Err}, *refused)
	require.ErrorIs(t, err, c.want)
	require.ErrorContains(t, err, c.says)
	require.Equal(t, rows, buf.Len())
	require.Equal(t, size, buf.Bytes())

	add(t, buf, row.OfInt(3), good)
	write(t, conn, table.Writer([]*Buffer{buf}))
	want := []int32{1, 3}
	if c.key {
		want = []int32{3}
	}
	require.Equal(t, want, column1[int32](t, conn, "SELECT id FROM "+name+" ORDER BY id"))
}

func goodValue(t row.Type, column string) row.Value {
	switch {
	case t == row.Text && column != "uuid":
		return row.OfText("1")
	case t.IsArray():
		return row.OfRef([]row.Value{})
	case t == row.Numeric:
		return row.OfRef(decimal("1"))
	case t == row.Text:
		return row.OfText("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
	}
	return row.OfInt(0)
}

func TestABufferIsReusedWithoutItsOldRows(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE texts (n int, v text)")
	table := open(t, conn, sinkOf(plan.Append, "texts", nil, col("n", row.Int4), col("v", row.Text)))
	buf := table.NewBuffer()
	for batch, size := range []int{100, 3 * chunkBytes, 7, 0, 5 * chunkBytes} {
		buf.Reset()
		require.Zero(t, buf.Len())
		require.Zero(t, buf.Bytes())
		for i := range 40 {
			add(t, buf, row.OfInt(int64(batch)), row.OfText(strings.Repeat("x", size/(1+i%4))))
		}
		write(t, conn, table.Writer([]*Buffer{buf}))
	}
	require.Equal(t, []int64{40, 40, 40, 40, 40}, column1[int64](t, conn, "SELECT count(*) FROM texts GROUP BY n ORDER BY n"))
	require.Equal(t, []int64{5 * chunkBytes}, column1[int64](t, conn, "SELECT max(length(v))::int8 FROM texts WHERE n = 4"))
}

// Rule R2: the strings of a row may be overwritten as soon as Add has returned.
func TestABufferKeepsNothingThatItWasGiven(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE texts (v text)")
	table := open(t, conn, sinkOf(plan.Append, "texts", nil, col("v", row.Text)))
	buf, scratch := table.NewBuffer(), []byte("first")
	add(t, buf, row.OfText(row.String(scratch)))
	copy(scratch, "other")
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{"first"}, column1[string](t, conn, "SELECT v FROM texts"))
}

func TestTruncateTakesBackTheLastRows(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE texts (n int, v text)")
	table := open(t, conn, sinkOf(plan.Append, "texts", nil, col("n", row.Int4), col("v", row.Text)))
	buf, n := table.NewBuffer(), 0
	text := row.OfText(strings.Repeat("x", 1000))
	for step, length := range []int{600, 600, 599, 1500, 300, 0, 10, 250} { // some 240 rows fill a chunk
		for n < length {
			add(t, buf, row.OfInt(int64(n)), text)
			n++
		}
		buf.Truncate(length)
		n = length
		require.Equal(t, length, buf.Len(), "step %d", step)
		require.EqualValues(t, length*(2+4+4+4+1000), buf.Bytes())
		execute(t, conn, "TRUNCATE texts")
		write(t, conn, table.Writer([]*Buffer{buf}))
		require.Equal(t, []int64{int64(length)}, column1[int64](t, conn, "SELECT count(*) FROM texts WHERE n < $1", length))
	}
}
