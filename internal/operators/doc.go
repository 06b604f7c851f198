// Package operators holds the operators of a pipeline, one file an operator. Narrow operators push rows to the next one; wide operators gather
// a batch's rows in one partial a lane and emit when the batch is cut, shard by shard.
//
//	OP1  an operator reads no clock and no random: batch time and watermark come with the batch.
//	OP2  a record takes effect whole or not at all: whatever can fail is evaluated before anything is added to a partial, and where a
//	    record can reach several places the effects are staged until all of it has been evaluated.
//	OP3  state in memory is the newest computed state; the store below holds the newest applied one. What is not applied stays in memory.
//	OP4  every state change goes to the shard's delta as the key's whole new value.
package operators
