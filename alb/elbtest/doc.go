// Package elbtest is an Application Load Balancer on loopback: the Elastic Load Balancing v2 query API (with the EC2 and
// STS calls that go with it) and a data plane that really proxies, over real sockets. It promises:
//
//  1. Requests are judged as AWS judges them: Signature Version 4 is verified, an unknown action, a missing parameter
//     or an unknown target group is refused with AWS's own code and XML.
//  2. A target is its (Id, Port). Deregistering another port answers 200 and changes nothing.
//  3. Draining is a clock: a target is listed as draining for the whole deregistration delay, idle or not. At its end
//     whatever is still in flight is cut with 502.
//  4. The API and the data plane see a change late, by Config.Propagation, each node in its own time.
//  5. Health is found by probing: every node sends its own GET on its own connection, and the first success makes an
//     initial target healthy while an unhealthy one needs the whole threshold.
//  6. Customers get what the real one would give them: 502, 503 and 504 for the same causes, all registered targets
//     when too few are healthy, and no second attempt on another target.
//
// Some numbers are not documented by AWS and are assumed here: how late the data plane is (a parameter), how many
// failed probes turn initial into unhealthy (the unhealthy threshold), that more than half of the nodes must find a target
// healthy, and how an ip target that returns while it drains is answered (a parameter).
package elbtest
