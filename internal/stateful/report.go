package stateful

// Report says what a restore did, for the log and the metrics.
type Report struct{ Shards []ShardReport }

// ShardReport is the restore of one shard. If nothing but Shard and Head is set, the local state was there already.
type ShardReport struct {
	Shard    int
	Head     Head  // what it was restored to
	Dropped  bool  // local state was there and did not fit
	Snapshot Head  // what was loaded; the zero Head if none was
	Keys     int64 // of the snapshot
	Deltas   int64 // applied
	Bytes    int64 // read from the ledger
}

// Local counts the shards whose local state was there already.
func (r Report) Local() (n int) {
	for _, s := range r.Shards {
		if s == (ShardReport{Shard: s.Shard, Head: s.Head}) {
			n++
		}
	}
	return n
}

// Total adds up all shards; Shard, Head and Snapshot of the result are zero.
func (r Report) Total() (t ShardReport) {
	for _, s := range r.Shards {
		t.Dropped = t.Dropped || s.Dropped
		t.Keys += s.Keys
		t.Deltas += s.Deltas
		t.Bytes += s.Bytes
	}
	return t
}
