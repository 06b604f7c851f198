// Package plan is the graph of a pipeline: sources, streams of steps, sinks, with every expression compiled and every column typed.
// Both front doors build it and the engine runs it; it is immutable once built.
//
//	P1  streams are in topological order: a stream reads sources and earlier streams only.
//	P2  every stateful operator has an ID that is unique in its pipeline and does not depend on the order of streams in the file.
//	P3  after an operator that emits corrections (Emit Update or Changed) only narrow steps and upsert sinks follow.
package plan
