#!/usr/bin/env python3
"""Parses every PowerShell script of a folder with a grammar, and looks for what a loader must not have."""
import pathlib
import re
import sys

import tree_sitter
import tree_sitter_powershell


def errors(node):
    if node.type == "ERROR" or node.is_missing:
        yield node
    for child in node.children:
        yield from errors(child)


def main(folder):
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    broken = parser.parse(b"if (1 -eq { throw")
    assert broken.root_node.has_error, "the grammar takes a script that is broken"
    scripts = sorted(pathlib.Path(folder).glob("*.ps1"))
    assert scripts, "no loaders in " + folder
    faults = 0
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        found = [f"line {n.start_point[0] + 1}: {n.text[:60]!r} is no PowerShell" for n in errors(parser.parse(text.encode()).root_node)]
        found += [f"the placeholder {p} is left" for p in re.findall(r"@[A-Z0-9_]+@", text)]
        if path.stem == "stream" and "$input" in text.lower():
            found.append("$input makes the PowerShell host read the standard input itself")
        print(path.name, len(text), "characters,", "; ".join(found) or "no fault")
        faults += len(found)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
