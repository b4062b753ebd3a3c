package alb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"
)

// chunk is how many instances one DescribeInstances names.
const chunk = 100

// readInstances describes instances by id. One id that EC2 does not know fails a whole call, so such a chunk is asked for
// again one by one; unknown instances are missing from the result.
func (c *Client) readInstances(ctx context.Context, ids []string) (map[string]Member, error) {
	found := map[string]Member{}
	for part := range slices.Chunk(ids, chunk) {
		err := c.describeInstances(ctx, part, found)
		if !unknownInstance(err) {
			if err != nil {
				return nil, err
			}
			continue
		}
		for _, id := range part {
			if err := c.describeInstances(ctx, []string{id}, found); err != nil && !unknownInstance(err) {
				return nil, err
			}
		}
	}
	return found, nil
}

func unknownInstance(err error) bool {
	e, is := errors.AsType[smithy.APIError](err)
	return is && strings.HasPrefix(e.ErrorCode(), "InvalidInstanceID")
}

func (c *Client) describeInstances(ctx context.Context, ids []string, found map[string]Member) error {
	for token := (*string)(nil); ; {
		var out *ec2.DescribeInstancesOutput
		attempt := fmt.Sprintf("describe %d instances", len(ids))
		err := c.call(ctx, attempt, func(ctx context.Context) (err error) {
			out, err = c.ec2(ctx, &ec2.DescribeInstancesInput{InstanceIds: ids, NextToken: token})
			return err
		})
		if err != nil {
			return err
		}
		if out.Reservations == nil {
			return empty(attempt)
		}
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				m := instance(i)
				found[m.Instance] = m
			}
		}
		if token = out.NextToken; aws.ToString(token) == "" {
			return nil
		}
	}
}

func instance(i ec2types.Instance) Member {
	m := Member{
		Instance:   aws.ToString(i.InstanceId),
		PrivateIP:  aws.ToString(i.PrivateIpAddress),
		PrivateDNS: aws.ToString(i.PrivateDnsName),
		Tags:       map[string]string{},
	}
	if i.State != nil {
		m.State = string(i.State.Name)
	}
	for _, t := range i.Tags {
		m.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if m.Name = m.Tags["Name"]; m.Name == "" {
		m.Name = m.Instance
	}
	return m
}
