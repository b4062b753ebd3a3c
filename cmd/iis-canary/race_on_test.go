//go:build race

package main

// fleetsAtOnce is how many tests run at the same time: under the race detector a fleet keeps a processor busy.
const fleetsAtOnce = "3"
