// Package metrics judges a release by real users' requests.
//
//  1. A release that is within its limit is refused in at most a share Alpha of all rollouts, however often one looks and
//     however long the rollout takes.
//  2. The first crossing decides: what was refused is never judged again on a shorter window.
//  3. No data is never a pass: late, missing or unreadable log lines come out as unsure, in words.
//  4. The new version is compared with the servers that run the old one in the same seconds, so that an incident which
//     hits both refuses nobody.
//
// A [Source] delivers counts per time bucket and arm; [Judge] turns them into a verdict with an anytime-valid sequential
// test: E-values for Bernoulli counts, a mixture over effects, bounded by Ville's inequality.
package metrics
