// Package demo runs an example pipeline with everything it needs: an in-process Kafka with a folder as its log, a private Postgres, and
// flights that arrive as if they were flown now. The pipeline itself runs through app.Run, as it does in production.
//
//	X1  everything lives in one folder below the cache; nothing outside of it is touched, and every port is free and local.
//	X2  what an earlier run made is there in the next one: the topic, the tables, the position and the state.
//	X3  the n-th flight is in the topic once: each partition's end says which one is next.
//	X4  when Run returns, all that it started has ended: the feed, then the pipeline, then the servers.
package demo
