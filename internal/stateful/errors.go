package stateful

import (
	"errors"
	"fmt"
)

var (
	// ErrStoreDead is returned by every call after the disk failed under the store: full, damaged or gone. The ledger has all of the state. Mend
	// what the message names (make room, replace the disk) and start the process again: the state is restored from the ledger.
	ErrStoreDead = errors.New("stateful: the state store is dead")

	// ErrLocked is returned by Open when another process, or another store of this one, uses the directory. Nothing was changed. Stop the other
	// process or give this one a state directory of its own.
	ErrLocked = errors.New("stateful: state directory in use")

	// ErrStateDir is returned by Open when the directory cannot be used: not writable, not a directory, no space. Nothing was changed.
	ErrStateDir = errors.New("stateful: state directory not usable")

	// ErrNotRestored is returned for a shard whose state is not complete. Call Restore for it first.
	ErrNotRestored = errors.New("stateful: shard not restored")

	// ErrOutOfOrder is returned by Apply for a delta that does not follow the shard's head; nothing was applied. Call Restore.
	ErrOutOfOrder = errors.New("stateful: delta does not follow the head")

	// ErrTooLarge is returned by Encode and Apply for a delta that Restore would refuse to read. Cut smaller batches or use more shards.
	ErrTooLarge = errors.New("stateful: delta too large")

	// ErrDamaged is returned for bytes that are not a delta or a part of a snapshot of a version that this binary reads.
	ErrDamaged = errors.New("stateful: damaged bytes")

	// ErrHistoryIncomplete is returned by Restore when the ledger's snapshot and deltas do not lead to the head that it names: deltas were deleted
	// by hand or by a partial restore of the database. The shard holds nothing usable. An operator restores the ledger's tables from a backup,
	// all of them from one moment, or drops the pipeline's state and processes its input again.
	ErrHistoryIncomplete = errors.New("stateful: the ledger's deltas do not reach its head")

	// ErrHeadMoved is returned by Restore when the ledger has a snapshot later than the head that was claimed, or one with another id: another
	// instance has claimed since. Claim again if the partitions are still assigned.
	ErrHeadMoved = errors.New("stateful: the ledger moved past the claimed head")
)

// deadError keeps the cause of death apart, so that both it and ErrStoreDead are found by errors.Is.
type deadError struct{ cause error }

func (e *deadError) Error() string {
	return fmt.Sprintf("%v: %v; make room or mend the disk, then restart: the state is restored from the ledger", ErrStoreDead, e.cause)
}

func (e *deadError) Unwrap() []error { return []error{ErrStoreDead, e.cause} }
