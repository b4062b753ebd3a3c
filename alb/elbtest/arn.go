package elbtest

import "strings"

// foreignARN refuses an ARN that cannot be of this region, account and kind of resource: the service finds that out before it
// looks for anything, also where the ARN is a good one of another account.
func (b *Balancer) foreignARN(arn string, kind resourceKind) *failure {
	rest, ok := strings.CutPrefix(arn, "arn:aws:elasticloadbalancing:"+b.config.Region+":"+b.config.Account+":"+kind.place+"/")
	if !ok || rest == "" {
		return invalid("'%s' is not a valid %s ARN", arn, kind.words)
	}
	return nil
}

// resourceKind is one kind of resource in the API's words, and what its ARNs have before the first slash.
type resourceKind struct{ words, place string }

func targetGroups() resourceKind  { return resourceKind{"target group", "targetgroup"} }
func loadBalancers() resourceKind { return resourceKind{"load balancer", "loadbalancer"} }
func listeners() resourceKind     { return resourceKind{"listener", "listener"} }

// foreignARNs refuses the first of several that is foreign.
func (b *Balancer) foreignARNs(arns []string, kind resourceKind) *failure {
	for _, arn := range arns {
		if problem := b.foreignARN(arn, kind); problem != nil {
			return problem
		}
	}
	return nil
}
