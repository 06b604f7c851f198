// Package engine runs a plan: one batch is one superstep. While the batch fills, narrow operators run in lanes, one a core, and
// each partition's records stay in one lane; when it is cut, wide operators run shard by shard, in the order of the plan. What comes out is a
// batch.Batch, the sinks' rows and the state's deltas: the engine itself makes nothing durable.
//
//	B1  a partition's records run in offset order, in one lane a batch.
//	B2  every record ends in exactly one of: rows or aggregates, late rows, dead letters, filtered; the counts say how many.
//	B3  buffers belong to a batch: those of a batch under commit are not touched until it is released.
//	B4  the watermark never goes back, and never passes a partition that has input left and is not ahead of it.
package engine
