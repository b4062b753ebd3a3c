//go:build !race

package main

// fleetsAtOnce is how many tests run at the same time: a fleet mostly waits.
const fleetsAtOnce = "8"
