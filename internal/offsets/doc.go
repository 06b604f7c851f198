// Package offsets is the ledger: the Postgres tables that hold offsets, heads of state, deltas and the journal, and the transactions that
// decide what is durable. It is the only code that speaks to those tables. It moves no record and knows no sink: rows are written by the
// Writers that a commit is given, in the ledger's transaction.
//
//	L1  a row moves only by compare-and-set on its token, and every claim and every commit writes a token of its own (spec rule 1).
//	L2  whatever a batch moves or touches is fenced, partitions and shards alike, and so is the pipeline's plan (rules 2 and 10).
//	L3  rows are locked in one order everywhere: pipeline, partitions by topic and number, shards by number.
//	L4  rows are locked by one statement and compared by a later one: what a statement read before it waited is old.
//	L5  a claim returns next offsets and heads that were read after its tokens were written (rule 3).
//	L6  deltas form a chain: seq without gaps, commit id, previous commit id (rule 4).
//	L7  a snapshot is visible whole or not at all, and only if the ledger has its commit id at its seq; deltas are deleted only up to a
//	    visible snapshot (rule 6).
//	L8  both transactions of a cut mode are fenced; the second one holds the token that the first one wrote (rule 8).
//	L9  an answer to COMMIT that is not a plain error of the server leaves the outcome unknown: ErrInDoubt, never "try again" (rule 7).
//	L10 after a successful commit every row that it fenced holds the batch's ID, in every mode.
//	L11 the journal is a chain of hashes for each owner, and its ranges carry the token that they replaced.
//
// Who gets ErrInDoubt or ErrHalfDone claims again if the rows are still his by assignment: the claim waits for the old transaction, fences
// it if it has not begun, and reads the truth. Who gets ErrFenced drops what belongs to the rows named in the error and does not claim them
// by himself (rule 11). Everything else changed nothing and may be tried again with the same batch, if Classify says Unavailable.
package offsets
