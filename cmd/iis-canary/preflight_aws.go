package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
)

// askFleet asks AWS which servers there are, and then the servers.
func (pf *preflight) askFleet(ctx context.Context) {
	var err error
	if pf.ses.elb == nil {
		if pf.ses.elb, err = pf.ses.balancer(ctx); err != nil {
			pf.aws(err)
			return
		}
	}
	survey, err := pf.ses.elb.Survey(ctx)
	if survey.Account != "" { // AWS knows who asks
		pf.pass(checkAWS, "", survey.Region)
		pf.passUnless(checkCredentials, "", survey.Caller)
		pf.clockOfAWS(survey.ClockOff)
		pf.expires, pf.passing = survey.Expires, survey.Passing
	}
	if err != nil {
		pf.aws(err)
		return
	}
	pf.pass(checkPermissions, "", "")
	pf.pass(checkGroup, "", "")
	pf.groups(survey)
	pf.members(survey)
	pf.askServers(ctx)
	pf.survey = &survey
}

// aws notes why AWS could not be asked, or not to the end.
func (pf *preflight) aws(err error) {
	if isReference(err) {
		return
	}
	key, isKey := errors.AsType[*alb.CredentialsError](err)
	access, isAccess := errors.AsType[*alb.AccessError](err)
	group, missing := errors.AsType[*alb.NotFoundError](err)
	_, elsewhere := errors.AsType[*alb.ElsewhereError](err)
	bad := finding{state: failed, what: err.Error()}
	switch {
	case isKey:
		bad.check = checkCredentials
		if key.Code != "" { // AWS itself has said so
			pf.passUnless(checkAWS, "", "")
		}
	case isAccess:
		bad.check, bad.do = checkPermissions, "allow "+access.Permission+" to this identity (docs/operations.md has the whole policy)"
		pf.passUnless(checkAWS, "", "")
		pf.passUnless(checkCredentials, "", "")
	case missing && len(group.Nearest) > 0:
		bad.check, bad.do = checkGroup, fmt.Sprintf("correct %s: target_groups: [%s]", pf.ses.spec.Pos("target_groups"), group.Nearest[0])
	case missing || elsewhere:
		bad.check = checkGroup
	default:
		bad.check = checkAWS
	}
	if bad.check == checkGroup {
		pf.pass(checkPermissions, "", "")
	}
	pf.add(bad)
}

// maxAWSClockOff is far more than a request's way takes, and far less than makes AWS refuse signatures.
const maxAWSClockOff = 30 * time.Second

func (pf *preflight) clockOfAWS(off time.Duration) {
	if off.Abs() <= maxAWSClockOff {
		pf.pass(checkClockAWS, "", "")
		return
	}
	pf.fail(checkClockAWS, "", fmt.Sprintf("AWS's clock is %s; at most %s is allowed", offset(off), maxAWSClockOff))
}

// offset is how far another clock is from ours, in words.
func offset(off time.Duration) string {
	way := "ahead of this machine's"
	if off < 0 {
		way = "behind this machine's"
	}
	return off.Abs().Round(time.Second).String() + " " + way
}

// groups judges the target groups themselves.
func (pf *preflight) groups(s alb.Survey) {
	for _, w := range s.Warnings {
		pf.warn(checkSettings, "", w)
	}
	pf.passUnless(checkSettings, "", "")
	for _, g := range s.Groups {
		if len(g.LoadBalancers) == 0 {
			pf.fail(checkForwards, "", "no listener rule forwards to "+g.Name+": its targets get no requests and never become healthy")
		}
		in := func(m alb.Member) bool {
			return slices.ContainsFunc(m.Targets, func(t canary.Target) bool { return t.Group == g.ARN })
		}
		if !slices.ContainsFunc(s.Members, in) {
			pf.fail(checkRegistered, "", "no server is registered in "+g.Name)
			continue
		}
		for _, m := range s.Members {
			if !in(m) {
				pf.warn(checkRegistered, "", pf.ses.name(m)+" is not registered in "+g.Name+", and is rolled in its other groups only")
			}
		}
	}
	pf.passUnless(checkForwards, "", "")
	pf.passUnless(checkRegistered, "", "")
}

// members turns the registrations into servers, and says of each whether it can be rolled.
func (pf *preflight) members(s alb.Survey) {
	for _, m := range s.Members {
		server := pf.ses.server(m)
		if slices.ContainsFunc(pf.servers, func(o canary.Server) bool { return o.Name == server.Name }) {
			pf.fail(checkNames, "", fmt.Sprintf("several servers are called %s by servers.names: %s", server.Name, pf.ses.spec.Servers.Names))
			continue
		}
		pf.servers = append(pf.servers, server)
		pf.found = append(pf.found, canary.Found{Server: server, Health: m.Health})
		for _, problem := range m.Problems {
			pf.fail(checkInstance, server.Name, problem)
		}
		pf.passUnless(checkInstance, server.Name, "")
		pf.health(server.Name, m.Health, s.Groups)
		pf.address(server)
	}
	pf.passUnless(checkNames, "", "")
	for _, name := range pf.ses.spec.Servers.Order {
		if !slices.ContainsFunc(pf.servers, func(o canary.Server) bool { return o.Name == name }) {
			pf.fail(checkOrder, "", name+" is in servers.order, and not in the target groups")
		}
	}
	pf.passUnless(checkOrder, "", "")
}

func (pf *preflight) health(server string, all []canary.TargetHealth, groups []canary.Group) {
	for _, h := range all {
		group := h.Group
		if i := slices.IndexFunc(groups, func(g canary.Group) bool { return g.ARN == h.Group }); i >= 0 {
			group = groups[i].Name
			if len(groups[i].LoadBalancers) == 0 {
				continue // nobody looks whether it is healthy; the missing rule is said
			}
		}
		words := string(h.State)
		if why := strings.Trim(h.Reason+": "+h.Description, ": "); why != "" {
			words += " (" + why + ")"
		}
		switch {
		case h.State == canary.Healthy:
		case h.In():
			pf.fail(checkHealthy, server, "is "+words+" in "+group)
		default:
			pf.warn(checkHealthy, server, "is "+words+" in "+group+": it is out of rotation and stays so")
		}
	}
	if pf.isClear("", checkForwards) {
		pf.passUnless(checkHealthy, server, "")
	}
}

// address says whether a server's WinRM listener can be named.
func (pf *preflight) address(server canary.Server) {
	host, port, err := pf.ses.reach(server)
	if err != nil {
		pf.fail(checkAddress, server.Name, err.Error())
		return
	}
	pf.pass(checkAddress, server.Name, net.JoinHostPort(host, fmt.Sprint(port)))
}

// leastLife is how long credentials should last where nothing better is known.
const leastLife = time.Hour

// compareExpiry warns of credentials that end before a roll and its revert could.
func (pf *preflight) compareExpiry() {
	ends, need := pf.expires, leastLife
	if !pf.isClear("", checkCredentials) || !pf.said(checkCredentials, "") {
		return
	}
	if len(pf.plan.Waves) > 0 {
		t := canary.Forecast(pf.plan, pf.timings())
		need = max(need, t.Total+t.Revert)
	}
	if left := ends.Sub(pf.now); !ends.IsZero() && left < need {
		pf.warn(checkExpiry, "", fmt.Sprintf("the AWS credentials end in %s, at %s; a roll and its revert may take %s",
			left.Round(time.Second), ends.Local().Format(time.TimeOnly), need.Round(time.Minute)))
		return
	}
	if pf.passing {
		pf.warn(checkExpiry, "", fmt.Sprintf("the AWS credentials have a session token and do not say when they end; a roll and its revert may take %s", need.Round(time.Minute)))
		return
	}
	pf.pass(checkExpiry, "", "")
}
