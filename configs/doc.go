// Package configs turns the YAML of an operator into a validated [Spec].
//
// What it promises:
//
//  1. Every mistake is reported at once, with file, line, column, what was found, what is allowed and the nearest match.
//     One mistake is one message: what follows from it is not said as well.
//
//  2. Unknown and duplicate keys, durations without a unit, numbers in quotes, texts that YAML takes for numbers, anchors and
//     tags are mistakes, never guesses.
//
//  3. Secrets are given by reference only (env:NAME, file:PATH). A literal one is a mistake whose message does not show it,
//     and neither does any message about the same line, also where its key is misspelt.
//
//  4. Every value knows where it stands in the file, so that later checks can point at it: see [Spec.Pos].
//
//  5. A Spec that was returned without an error is complete: defaults are in place and the cross-checks hold.
//
//  6. The JSON Schema that [Schema] gives is made from the same types, tags and comments that the reader goes by: what the one
//     refuses for its shape, so does the other.
//
// Reading happens in three passes: syntax (is it YAML), shape (keys and types) and sense (do the values fit together). A file
// that is no YAML stops after the first; shape and sense report together.
package configs
