package elbtest

import (
	"maps"
	"slices"
)

type tagXML struct{ Key, Value string }

type tagDescription struct {
	ResourceArn string
	Tags        []tagXML `xml:"Tags>member"`
}

type tagList struct {
	Descriptions []tagDescription `xml:"TagDescriptions>member"`
}

type identityXML struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

// describeTags knows one tag, Name, on the load balancer and its groups.
func (b *Balancer) describeTags(p params) (any, *failure) {
	arns := p.scalars("ResourceArns.member")
	if len(arns) == 0 || len(arns) > 20 {
		return nil, invalid("1 validation error detected: Value at 'resourceArns' failed to satisfy constraint: " +
			"Member must have length between 1 and 20")
	}
	names := map[string]string{b.LoadBalancerARN(): b.config.Name}
	for _, g := range b.groups {
		names[g.arn] = g.Name
	}
	var list tagList
	for _, arn := range arns {
		name, known := names[arn]
		if !known {
			return nil, &failure{400, "TargetGroupNotFound", "One or more target groups not found"}
		}
		list.Descriptions = append(list.Descriptions, tagDescription{arn, []tagXML{{"Name", name}}})
	}
	return list, nil
}

func (b *Balancer) getCallerIdentity(params) (any, *failure) {
	return identityXML{
		Arn:     "arn:aws:iam::" + b.config.Account + ":user/rehearsal",
		UserID:  "AIDAREHEARSAL",
		Account: b.config.Account,
	}, nil
}

func sortedTags(tags map[string]string) []ec2Tag {
	var sorted []ec2Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		sorted = append(sorted, ec2Tag{key, tags[key]})
	}
	return sorted
}
