// Package report puts plans, events and outcomes into words and into JSON.
//
// What it promises:
//
//  1. One description of each step: what an action says of itself, in the plan, the log and the error alike.
//  2. A symbol never stands alone: a word beside it says the same, and nothing depends on colour.
//  3. The same input gives the same bytes.
//  4. Text that came from servers, logs or load balancers cannot steer a terminal or break a line.
package report
