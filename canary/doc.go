// Package canary rolls a release through a fleet and puts the whole fleet back when the release is bad.
//
// What it promises, whatever fails and whenever the process dies:
//
//  1. No server that was in rotation is forgotten outside it.
//  2. On no server do two slots run at the same time.
//  3. The number of healthy servers never falls below the floor by its own doing.
//  4. Nothing irreversible happens before the last gate has passed.
//  5. A change is over when it has been seen, not when a call has returned.
//  6. No evidence is never a pass: a question that cannot be answered is [Unsure].
//
// The package is the domain alone: plan, run, revert, fold, forecast. It imports the standard library only and
// reaches everything outside the process, the clock included, through [World].
package canary
