// Package alb moves servers in and out of the target groups of an AWS Application Load Balancer, on aws-sdk-go-v2.
//
// What it promises:
//
//  1. It sends exactly the recorded (Id, Port, AvailabilityZone): the load balancer answers 200 to a deregistration with
//     another port, and does nothing.
//  2. A write is believed only after it was read back.
//  3. Two servers that leave at the same time cannot both take the last healthy place: the check, and the write that it
//     allows, are one turn.
//  4. One reading of a group serves every caller of a poll, and none is older than this client's last write to the group.
//  5. An answer that does not come from the load balancer's API (nothing, a web page, half an answer) is
//     [canary.ErrUnreachable], never an empty group.
//  6. No error carries a credential.
package alb
