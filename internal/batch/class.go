package batch

// Class says what a failure of the ledger means for the loop.
type Class uint8

// The classes.
const (
	Fenced        Class = iota // another claim holds a row: nothing was written; drop it, never claim again by oneself
	InDoubt                    // COMMIT was sent and no answer came: claim again and read the truth
	Unavailable                // a server is away or asked to try again: nothing was written; claim again after a while
	Rejected                   // the server refused the data
	Misconfigured              // an operator must act: rights, schema, plan
)

func (c Class) String() string {
	return [...]string{"fenced", "in doubt", "unavailable", "rejected", "misconfigured"}[c]
}
