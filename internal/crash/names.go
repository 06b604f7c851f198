package crash

// Name is a place in the protocol.
type Name string

// The places, in the order in which a batch, then housekeeping, restore, claim and shutdown pass them.
const (
	AfterPoll         Name = "after_poll"          // records of a poll are in hand, nothing is computed
	AfterCompute      Name = "after_compute"       // rows and deltas are ready, nothing is sent
	BeforeBegin       Name = "before_begin"        // before a transaction of a commit begins
	AfterFence        Name = "after_fence"         // the rows are locked and carry the commit's token, uncommitted
	AfterRows         Name = "after_rows"          // the sinks' rows are written, uncommitted
	AfterDelta        Name = "after_delta"         // deltas, dead letters and late rows are written, uncommitted
	BeforeCommit      Name = "before_commit"       // everything is written, COMMIT is not sent
	AfterCommit       Name = "after_commit"        // COMMIT was executed and its answer seen
	BetweenHalves     Name = "between_halves"      // of a cut mode: the first transaction is committed, the second not begun
	BeforeApply       Name = "before_apply"        // the batch is durable, local state does not have it
	MidApply          Name = "mid_apply"           // some shards are applied
	AfterApply        Name = "after_apply"         // all are
	MidSnapshotUpload Name = "mid_snapshot_upload" // a part of a snapshot is stored, the snapshot is not published
	AfterSnapshotRow  Name = "after_snapshot_row"  // a snapshot is published
	BeforeTrim        Name = "before_trim"         // before deltas behind a snapshot are deleted
	AfterTrim         Name = "after_trim"          // after that
	MidRestore        Name = "mid_restore"         // a fresh state directory is partly filled
	InClaim           Name = "in_claim"            // a claim has written its tokens, uncommitted
	AfterClaim        Name = "after_claim"         // a claim is committed
	InShutdown        Name = "in_shutdown"         // a graceful stop has begun
)

// Names lists every place.
func Names() []Name {
	return []Name{
		AfterPoll, AfterCompute, BeforeBegin, AfterFence, AfterRows, AfterDelta, BeforeCommit, AfterCommit, BetweenHalves,
		BeforeApply, MidApply, AfterApply, MidSnapshotUpload, AfterSnapshotRow, BeforeTrim, AfterTrim, MidRestore,
		InClaim, AfterClaim, InShutdown,
	}
}
