package agent

// ProgramOf is Load with a source of the test's own.
func ProgramOf(source []byte) Program { return program(source) }
