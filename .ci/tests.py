"""Reads `go test -json`: prints what failed, and fails on a skipped test or on an empty run."""
import json
import sys

ran, skipped, failed, output = 0, [], [], {}
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        event = json.loads(line)
    except ValueError:
        print(line, end="")
        continue
    key = (event.get("Package"), event.get("Test"))
    if event["Action"] == "output":
        output.setdefault(key, []).append(event["Output"])
    elif event["Action"] == "skip" and key[1]:
        skipped.append(key)
    elif event["Action"] == "fail":
        failed.append(key)
    elif event["Action"] == "pass" and key[1]:
        ran += 1
for key in failed:
    print("".join(output.get(key, []))[-4000:])
for key in skipped:
    print("skipped:", *key)
print(f"{ran} tests ran, {len(failed)} failed, {len(skipped)} skipped")
sys.exit(1 if failed or skipped or not ran else 0)
