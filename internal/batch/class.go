package batch

// Class says what a failure of the ledger, or of a sink in its transaction, means for the loop.
type Class uint8

// The classes.
const (
	Unknown       Class = iota // none of the others: a bug here, in a sink or in the server; stop
	Fenced                     // another claim holds a row: nothing was written; drop it, never claim again by oneself
	InDoubt                    // COMMIT was sent and no answer came: claim again and read the truth
	Unavailable                // a server is away or asked to try again: nothing was written; claim again after a while
	Rejected                   // the server refused the data
	Misconfigured              // an operator must act: rights, schema, plan
)

func (c Class) String() string {
	return [...]string{"unknown", "fenced", "in doubt", "unavailable", "rejected", "misconfigured"}[c]
}
