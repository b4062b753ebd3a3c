package elbtest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type ec2Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type instanceXML struct {
	InstanceID     string   `xml:"instanceId"`
	ImageID        string   `xml:"imageId"`
	State          stateXML `xml:"instanceState"`
	PrivateDNSName string   `xml:"privateDnsName"`
	DNSName        string   `xml:"dnsName"`
	InstanceType   string   `xml:"instanceType"`
	LaunchTime     string   `xml:"launchTime"`
	Zone           string   `xml:"placement>availabilityZone"`
	Platform       string   `xml:"platform"`
	SubnetID       string   `xml:"subnetId"`
	VpcID          string   `xml:"vpcId"`
	PrivateIP      string   `xml:"privateIpAddress"`
	Tags           []ec2Tag `xml:"tagSet>item"`
}

type stateXML struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type reservationXML struct {
	ID        string        `xml:"reservationId"`
	OwnerID   string        `xml:"ownerId"`
	Instances []instanceXML `xml:"instancesSet>item"`
}

type reservationList struct {
	RequestID    string           `xml:"requestId"`
	Reservations []reservationXML `xml:"reservationSet>item"`
	NextToken    string           `xml:"nextToken,omitempty"`
}

// instanceStates are the EC2 states and their codes.
func instanceStates() map[string]int {
	return map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
}

func (b *Balancer) describeInstances(p params) (any, *failure) {
	ids := p.scalars("InstanceId")
	if problem := b.checkIDs(ids); problem != nil {
		return nil, problem
	}
	if _, paging := p["MaxResults"]; paging && len(ids) > 0 {
		return nil, &failure{400, "InvalidParameterCombination",
			"The parameter instancesSet cannot be used with the parameter maxResults"}
	}
	var chosen []Instance
	for _, i := range b.sortedInstances() {
		ok, problem := i.passes(p)
		if problem != nil {
			return nil, problem
		}
		if ok && (len(ids) == 0 || slices.Contains(ids, i.ID)) {
			chosen = append(chosen, i)
		}
	}
	start, end, problem := tokenWindow(p, len(chosen))
	if problem != nil {
		return nil, problem
	}
	list := reservationList{RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012x", b.serial)}
	for _, i := range chosen[start:end] {
		list.Reservations = append(list.Reservations, b.reservation(i))
	}
	if end < len(chosen) {
		list.NextToken = "token-" + strconv.Itoa(end)
	}
	return list, nil
}

func (b *Balancer) checkIDs(ids []string) *failure {
	shape := regexp.MustCompile(`^i-[0-9a-f]+$`)
	var missing []string
	for _, id := range ids {
		if _, known := b.instances[id]; known {
			continue
		}
		if !shape.MatchString(id) {
			return &failure{400, "InvalidInstanceID.Malformed", fmt.Sprintf("Invalid id: %q", id)}
		}
		missing = append(missing, id)
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return &failure{400, "InvalidInstanceID.NotFound", fmt.Sprintf("The instance ID '%s' does not exist", missing[0])}
	}
	return &failure{400, "InvalidInstanceID.NotFound",
		fmt.Sprintf("The instance IDs '%s' do not exist", strings.Join(missing, ", "))}
}

// passes applies the filters of a call: all of them, each by any of its values, * and ? as wildcards.
func (i Instance) passes(p params) (bool, *failure) {
	for _, filter := range p.list("Filter") {
		value, set := "", true
		switch name := filter["Name"]; {
		case name == "instance-id":
			value = i.ID
		case name == "instance-state-name":
			value = i.State
		case name == "private-ip-address":
			value = i.PrivateIP
		case name == "availability-zone":
			value = i.Zone
		case strings.HasPrefix(name, "tag:"):
			value, set = i.Tags[name[len("tag:"):]], i.Tags[name[len("tag:"):]] != ""
		default:
			return false, &failure{400, "InvalidParameterValue", fmt.Sprintf("The filter '%s' is invalid", name)}
		}
		matches := slices.ContainsFunc(filter.scalars("Value"), func(pattern string) bool {
			ok, err := path.Match(pattern, value)
			return err == nil && ok
		})
		if !set || !matches {
			return false, nil
		}
	}
	return true, nil
}

// tokenWindow is the part of n results that a call with MaxResults and NextToken gets.
func tokenWindow(p params, n int) (start, end int, problem *failure) {
	size, problem := p.number("MaxResults", 5, 1000, 1000)
	if problem != nil {
		return 0, 0, &failure{400, "InvalidParameterValue", problem.message}
	}
	if token, given := p["NextToken"]; given {
		number, ok := strings.CutPrefix(token, "token-")
		at, err := strconv.Atoi(number)
		if !ok || err != nil || at < 1 || at >= n {
			return 0, 0, &failure{400, "InvalidNextToken", "The token is not valid"}
		}
		start = at
	}
	return start, min(start+size, n), nil
}

func (b *Balancer) reservation(i Instance) reservationXML {
	host := "ip-" + strings.ReplaceAll(i.PrivateIP, ".", "-") + "." + b.config.Region + ".compute.internal"
	return reservationXML{
		ID: "r-" + strings.TrimPrefix(i.ID, "i-"), OwnerID: b.config.Account,
		Instances: []instanceXML{{
			InstanceID: i.ID, ImageID: "ami-00000000000000001", State: stateXML{instanceStates()[i.State], i.State},
			PrivateDNSName: host, InstanceType: "m7i.large", LaunchTime: "2026-01-01T00:00:00.000Z", Zone: i.Zone,
			Platform: "windows", SubnetID: "subnet-" + i.Zone, VpcID: vpc, PrivateIP: i.PrivateIP,
			Tags: sortedTags(i.Tags),
		}},
	}
}
