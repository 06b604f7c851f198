package batch

// Split cuts a chunk before its n-th record, 0 < n < len(c.Records), so that a cap can be exact. The tail has the memory: it must be done with
// after the head, as it is where chunks of a partition run in order.
func (c Chunk) Split(n int) (head, tail Chunk) {
	head, tail = c, c
	head.Records, tail.Records = c.Records[:n:n], c.Records[n:]
	head.Next = c.Records[n].Offset
	tail.From = head.Next
	head.Bytes = c.Bytes * int64(n) / int64(len(c.Records))
	tail.Bytes = c.Bytes - head.Bytes
	head.Release = nil
	return head, tail
}
