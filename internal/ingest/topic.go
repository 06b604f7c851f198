package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/spelling"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic is a topic as it is now. A topic that is deleted and made again has another ID.
type Topic struct {
	Name       string
	ID         [16]byte
	Partitions []int32 // sorted
}

// Errors of Topic.
var (
	// ErrNoTopic: the cluster has no topic of that name. The error's text names similar ones.
	ErrNoTopic = errors.New("the topic does not exist")
	// ErrDenied: the cluster does not let us see it. The error's text says which right is missing.
	ErrDenied = errors.New("not authorized")
)

// Topic looks a topic up. It never creates one.
func (c *Client) Topic(ctx context.Context, name string) (Topic, error) {
	found, err := c.metadata(ctx, []string{name})
	if err != nil {
		return Topic{}, fmt.Errorf("look up topic %q: %w", name, err)
	}
	for _, t := range found.Topics {
		switch err := kerr.ErrorForCode(t.ErrorCode); {
		case t.Topic == nil || *t.Topic != name:
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			return Topic{}, fmt.Errorf("look up topic %q: %w%s", name, ErrNoTopic, c.similar(ctx, name))
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return Topic{}, fmt.Errorf("look up topic %q: %w: the client needs DESCRIBE and READ on the topic", name, ErrDenied)
		case err != nil:
			return Topic{}, fmt.Errorf("look up topic %q: %w", name, err)
		default:
			return topicOf(t), nil
		}
	}
	return Topic{}, fmt.Errorf("look up topic %q: the broker's answer does not have it", name)
}

func topicOf(t kmsg.MetadataResponseTopic) Topic {
	out := Topic{Name: *t.Topic, ID: t.TopicID}
	for _, p := range t.Partitions {
		out.Partitions = append(out.Partitions, p.Partition)
	}
	slices.Sort(out.Partitions)
	return out
}

// metadata asks for topics by name; nil asks for all.
func (c *Client) metadata(ctx context.Context, names []string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(n)
		req.Topics = append(req.Topics, t)
	}
	resp, err := c.kc.Request(ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.MetadataResponse), nil
}

// similar says which topics could have been meant, and what to do.
func (c *Client) similar(ctx context.Context, name string) string {
	all, err := c.metadata(ctx, nil)
	if err != nil {
		return ": create it, or correct its name"
	}
	var near []string
	for _, t := range all.Topics {
		if t.Topic != nil && !t.IsInternal && alike(name, *t.Topic) {
			near = append(near, *t.Topic)
		}
	}
	if len(near) == 0 {
		return ": create it, or correct its name"
	}
	slices.Sort(near)
	return ": did you mean " + strings.Join(near[:min(len(near), 3)], ", ") + "?"
}

// alike tells whether one name contains the other, whatever the case, or is at most two edits away.
func alike(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return strings.Contains(a, b) || strings.Contains(b, a) || spelling.Distance(a, b) <= 2
}

// Partition names one of the topic's partitions.
func (t Topic) Partition(id int32) batch.Partition { return batch.Partition{Topic: t.Name, ID: id} }
