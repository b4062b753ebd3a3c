package main

import "strings"

const powerShellHead = `# PowerShell completion for iis-canary. Load it with:
#   iis-canary completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName iis-canary, iis-canary.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $command = if ($typed.Count -gt 1) { $typed[1] } else { '' }`

// Where the script block returns nothing, PowerShell completes the names of files.
const powerShellTail = `    $place = "$command $($typed[-1])"
    if ($values.ContainsKey($place)) {
        if ($null -eq $values[$place]) { return }
        $offered = @($values[$place] | ForEach-Object { , @($_, $_) })
    } else {
        $offered = $words[$command]
    }
    $offered | Where-Object { $_[0] -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
    }
}`

// completePowerShell writes two tables, and the script block that reads them.
func completePowerShell(b *strings.Builder, all []sheet) {
	line(b, powerShellHead)
	line(b, "    $words = @{\n        '' = @(")
	for _, s := range all {
		powerShellPair(b, s.name, s.usage)
	}
	powerShellPair(b, "--version", "say which build this is")
	powerShellPair(b, "--help", "show help")
	line(b, "        )")
	for _, s := range all {
		line(b, "        '%s' = @(", s.name)
		for _, w := range s.words {
			powerShellPair(b, w, w)
		}
		for _, o := range s.options {
			for _, flag := range o.typed() {
				powerShellPair(b, flag, o.usage)
			}
		}
		line(b, "        )")
	}
	line(b, "    }\n    # values behind a flag; $null: any, or a path\n    $values = @{")
	for _, s := range all {
		for _, o := range s.options {
			if o.value == "" {
				continue
			}
			for _, place := range s.at(o) {
				line(b, "        '%s' = %s", place, powerShellValues(o))
			}
		}
	}
	line(b, "    }")
	line(b, powerShellTail)
}

// powerShellPair is a word and its tooltip. The comma in front keeps a table of one row a table.
func powerShellPair(b *strings.Builder, word, usage string) {
	line(b, "            , @(%s, %s)", quoted(word, "''"), quoted(usage, "''"))
}

func powerShellValues(o option) string {
	if len(o.choices) == 0 {
		return "$null"
	}
	return "@('" + strings.Join(o.choices, "', '") + "')"
}
