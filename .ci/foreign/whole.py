"""After all the others: the fleet is whole, the peers have counted who asked, and no customer was harmed."""

from fleet import prove, until


def whole(fleet):
    """every server is in rotation again, warm, on the slot that it had, and held by nobody"""
    until("whole fleet", lambda: all(s["in_rotation"] for s in fleet.truth()["servers"]))
    servers = fleet.truth()["servers"]
    assert [s["name"] for s in servers] == [s["name"] for s in fleet["servers"]], servers
    assert all(s["warm"] and s["running"] == [s["slot"]] and s["lease"] is None for s in servers), servers
    assert len({s["slot"] for s in servers}) == 1, servers


def counted(fleet):
    """the peers' call logs know the clients: AWS by action, WinRM and Elasticsearch by number"""
    calls = fleet.truth()["calls"]
    for action in ("RegisterTargets", "DeregisterTargets", "DescribeTargetHealth", "DescribeInstances", "GetCallerIdentity"):
        assert calls["aws"].get(action, 0) > 0, calls
    assert calls["winrm"] > 100 and calls["elasticsearch"] > 20, calls


def unharmed(fleet):
    """no customer saw a failure while servers left and returned"""
    traffic = fleet.truth()["traffic"]
    assert traffic["requests"] > 500 and traffic["failed"] == 0, traffic


prove(whole, counted, unharmed)
