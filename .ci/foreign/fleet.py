"""The standing fleet that the scripts beside this one are aimed at, and how they say what they proved."""

import json
import pathlib
import sys
import time
import urllib.request


class Fleet(dict):
    """endpoints.json of `iis-canary simulate --dir DIR`."""

    def server(self, number):
        return self["servers"][number]

    def truth(self):
        """What the peers themselves say is so."""
        with urllib.request.urlopen(self["control"] + "/state", timeout=10) as answer:
            return json.load(answer)


def prove(*checks):
    """Runs each check on the fleet of the folder named on the command line. What a check proves is its first line of words."""
    fleet = Fleet(json.loads((pathlib.Path(sys.argv[1]) / "endpoints.json").read_text()))
    for check in checks:
        check(fleet)
        print("proved", check.__doc__.strip(), flush=True)


def until(what, look, seconds=30, every=0.05):
    """Looks until there is something, and returns it."""
    limit = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < limit, f"no {what} within {seconds} s"
        time.sleep(every)


def fails(kind, call, *args, **kwargs):
    """Returns the exception of a call that must fail with this kind of it, and no other."""
    try:
        answer = call(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected, got {answer!r}")
