package syntax

// Limits of a source (X3).
const (
	MaxSource = 64 << 10
	MaxDepth  = 64
)

// Span is the half-open range of source bytes that a node came from.
type Span struct{ Pos, End int }

// At returns the span itself; embedding it makes a Node.
func (s Span) At() Span { return s }

// Node is a node of the tree: *Literal, *Name, *Call, *Logic, *Is, *In, *Between, *Case, *Cast, *Index or *Array.
type Node interface{ At() Span }

// LiteralKind says how a literal was written.
type LiteralKind uint8

// The kinds of literals.
const (
	Number LiteralKind = iota
	String
	True
	False
	Null
)

// Literal is a constant. Text is the value of a string with its escapes undone, or the digits of a number.
type Literal struct {
	Span
	Kind LiteralKind
	Text string
}

// Name is a column, written plainly or qualified: state.n has two parts.
type Name struct {
	Span
	Parts []string
}

// Call is a function or an operator applied to arguments. LIKE becomes the operator ~~, as in Postgres.
type Call struct {
	Span
	Name     string // in lower case; an operator's own characters
	NameAt   Span
	Operator bool
	Args     []Node
	Star     bool // count(*)
	Distinct bool // f(DISTINCT x)
	Filter   Node // nil unless FILTER (WHERE …)
}

// Logic is AND, OR (two or more operands, flattened) or NOT (one).
type Logic struct {
	Span
	Op   string
	Args []Node
}

// Is is x IS [NOT] NULL, TRUE, FALSE, UNKNOWN, or DISTINCT FROM y.
type Is struct {
	Span
	X    Node
	Not  bool
	What string // "null", "true", "false", "unknown", "distinct"
	Y    Node   // of "distinct"
}

// In is x [NOT] IN (list).
type In struct {
	Span
	X    Node
	Not  bool
	List []Node
}

// Between is x [NOT] BETWEEN [SYMMETRIC] lo AND hi.
type Between struct {
	Span
	X, Lo, Hi      Node
	Not, Symmetric bool
}

// When is one branch of a CASE.
type When struct{ Cond, Then Node }

// Case is both forms of CASE: Operand is nil in the searched form.
type Case struct {
	Span
	Operand Node
	Whens   []When
	Else    Node // nil: NULL
}

// TypeName is a type as written: lower case, single spaces, with its modifiers.
type TypeName struct {
	Span
	Name  string
	Mods  []int
	Array bool
}

// Cast is x::type, CAST(x AS type) and type 'literal'.
type Cast struct {
	Span
	X    Node
	Type TypeName
}

// Index is x[i].
type Index struct {
	Span
	X, I Node
}

// Array is ARRAY[…].
type Array struct {
	Span
	Elems []Node
}

// Error is an error of the source.
type Error struct {
	Span
	Msg, Cure string
}
