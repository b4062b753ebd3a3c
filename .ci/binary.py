"""What people install: small, up before anybody notices, and quick to name 25 mistakes."""

import os
import statistics
import subprocess
import sys
import time

program = sys.argv[1]


def took(*line):
    began = time.perf_counter()
    answer = subprocess.run([program, *line], capture_output=True, text=True)
    return (time.perf_counter() - began) * 1000, answer


def median(*line):
    return statistics.median([took(*line)[0] for _ in range(21)][1:])


size = os.path.getsize(program) / 1e6
print(f"{size:.1f} MB")
assert size < 40, size
for line in (["version"], ["validate", "-c", "configs/examples/minimal.yaml"]):
    ms = min(median(*line) for _ in range(3))  # a shared machine may be slow for a while
    print(f"{line[0]}: {ms:.1f} ms, median of 20")
    assert ms < 30, ms
mistakes = ["validate", "-c", "configs/testdata/twenty-five.yaml"]
ms, answer = min((took(*mistakes) for _ in range(3)), key=lambda t: t[0])
print(f"25 mistakes: {ms:.1f} ms")
assert answer.returncode == 2 and "25 mistakes" in answer.stderr, answer.stderr
assert ms < 100, ms
