"""pypsrp's WinRS part runs processes on the servers, as it does in its recordings of real Windows servers."""

import urllib.parse

import requests
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.shell import CommandState, Process, SignalCode, WinRS
from pypsrp.wsman import WSMan

from fleet import fails, prove

NOBODY = "87E77BEB-6761-4C48-9D70-A00266B8459A"
NO_SUCH_SHELL_OR_COMMAND = 2150858843
TIMED_OUT = 2150858793


def wsman(fleet, **changed):
    server = fleet.server(2)
    at = urllib.parse.urlsplit(server["winrm"])
    given = {"username": server["user"], "password": server["password"], "path": at.path.strip("/"), "cert_validation": fleet["ca"],
             "operation_timeout": 20, "read_timeout": 30, "connection_timeout": 5, **changed}
    return WSMan(at.hostname, port=at.port, ssl=True, auth="basic", **given)


def shell(fleet):
    """a shell tells what it was given: owner, name, resource, idle time"""
    with wsman(fleet) as connection, WinRS(connection, idle_time_out=90, name="foreign") as opened:
        assert opened.opened and opened.id and opened.owner == fleet.server(2)["user"], vars(opened)
        assert opened.idle_time_out == "PT90.000S" and opened.output_streams == "stdout stderr", vars(opened)
        assert opened.client_ip and opened.client_ip != fleet.server(2)["address"], opened.client_ip
        first = opened.id
    with wsman(fleet) as connection, WinRS(connection) as opened:
        assert opened.idle_time_out == "PT7200.000S" and opened.id != first, vars(opened)


def process(fleet):
    """a process: standard output, standard error, exit code, state Done"""
    with wsman(fleet) as connection, WinRS(connection) as opened:
        for executable, arguments, rc, out, err in (
            ("hostname.exe", [], 0, fleet.server(2)["name"].encode() + b"\r\n", b""),
            ("cmd.exe", ["/c", "echo", "hi"], 0, b"hi\r\n", b""),
            ("cmd.exe", ["/c echo out && echo err>&2 && exit 1"], 1, b"out \r\n", b"err \r\n"),
            ("powershell.exe", ["Write-Host hi; Write-Host hi again"], 0, b"hi\nhi again\n", b""),
        ):
            ran = Process(opened, executable, arguments)
            ran.invoke()
            assert (ran.rc, ran.stdout, ran.stderr, ran.state) == (rc, out, err, CommandState.DONE), (executable, arguments, vars(ran))
            ran.signal(SignalCode.CTRL_C)


def chosen_id(fleet):
    """a client may choose a command's id; the same id twice is refused"""
    with wsman(fleet) as connection, WinRS(connection) as opened:
        opened.command("hostname", [], command_id=NOBODY)
        ran = Process(opened, "hostname", id=NOBODY)
        ran.end_invoke()
        assert (ran.rc, ran.stdout) == (0, fleet.server(2)["name"].encode() + b"\r\n"), (ran.rc, ran.stdout)
        fails(WSManFaultError, opened.command, "hostname", [], command_id=NOBODY)


def standard_input(fleet):
    """input in two pieces, the second of which ends it: powershell.exe reads its script from there"""
    with wsman(fleet) as connection, WinRS(connection) as opened:
        ran = Process(opened, "powershell.exe", ["-"])
        ran.begin_invoke()
        ran.send(b'Write-Host "output 1";', end=False)
        ran.send(b'Write-Host "output 2";')
        ran.end_invoke()
        assert (ran.rc, ran.stdout, ran.stderr) == (0, b"output 1\noutput 2\n", b""), (ran.rc, ran.stdout, ran.stderr)


def much(fleet):
    """a megabyte there and back: input in envelopes that the server takes, output in ones that the client takes"""
    lines = [b"%07d %s" % (n, b"x" * 40) for n in range(20_000)]
    with wsman(fleet) as connection, WinRS(connection) as opened:
        ran = Process(opened, "sort")
        ran.begin_invoke()
        text, piece = b"\r\n".join(reversed(lines)) + b"\r\n", 3 * (connection.max_payload_size // 4)
        for start in range(0, len(text), piece):
            ran.send(text[start : start + piece], end=start + piece >= len(text))
        ran.end_invoke()
        assert ran.rc == 0 and ran.stdout == b"\r\n".join(lines) + b"\r\n", (ran.rc, len(ran.stdout))


def operation_timeout(fleet):
    """Receive times out with 2150858793 while the state is Running, and is asked again"""
    with wsman(fleet, operation_timeout=1) as connection, WinRS(connection) as opened:
        ran = Process(opened, "powershell.exe", ["Write-Host hi; Start-Sleep 3; Write-Host hi again"])
        ran.begin_invoke()
        state, rc, out = opened.receive(command_id=ran.id)
        while out["stdout"] != b"hi\n":
            assert (state, rc) == (CommandState.RUNNING, None), (state, rc)
            state, rc, more = opened.receive(command_id=ran.id)
            out["stdout"] += more["stdout"]
        error = fails(WSManFaultError, opened.receive, command_id=ran.id)
        assert error.code == TIMED_OUT and "OperationTimeout" in error.reason, error
        ran.end_invoke()
        assert (ran.rc, ran.stdout, ran.state) == (0, b"hi again\n", CommandState.DONE), (ran.rc, ran.stdout, ran.state)


def bad_command_id(fleet):
    """a command that is not there: fault 2150858843, in Windows' words"""
    with wsman(fleet) as connection, WinRS(connection) as opened:
        error = fails(WSManFaultError, opened.receive, command_id=NOBODY)
        assert error.code == NO_SUCH_SHELL_OR_COMMAND, error
        assert error.reason.startswith("The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist."), error.reason
        none = fails(WSManFaultError, opened.receive)
        assert none.code == 87 and none.provider == "Shell cmd plugin" and none.provider_fault == "The parameter is incorrect.", none.args


def terminate(fleet):
    """signal Terminate ends a running process, which is then not there any more"""
    with wsman(fleet) as connection, WinRS(connection) as opened:
        ran = Process(opened, "powershell.exe", ["Start-Sleep 600"])
        ran.begin_invoke()
        ran.signal(SignalCode.TERMINATE)
        assert fails(WSManFaultError, opened.receive, command_id=ran.id).code == NO_SUCH_SHELL_OR_COMMAND
        fails(WSManFaultError, opened.signal, SignalCode.TERMINATE, ran.id)
        after = Process(opened, "hostname")
        after.invoke()
        assert after.rc == 0, after.rc


def closed_shell(fleet):
    """a closed shell takes its processes with it: fault 2150858843"""
    with wsman(fleet) as connection:
        opened = WinRS(connection)
        opened.open()
        left = Process(opened, "powershell.exe", ["Start-Sleep 600"])
        left.begin_invoke()
        opened.close()
        for call in (lambda: opened.receive(command_id=left.id), lambda: opened.command("hostname", [])):
            assert fails(WSManFaultError, call).code == NO_SUCH_SHELL_OR_COMMAND


def wrong_password(fleet):
    """a wrong password: AuthenticationError"""
    with wsman(fleet, password="guessed") as connection:
        fails(AuthenticationError, WinRS(connection).open)


def wrong_path(fleet):
    """a wrong path: HTTP 404"""
    with wsman(fleet, path="other") as connection:
        error = fails(WinRMTransportError, WinRS(connection).open)
        assert error.code == 404, error.args


def unknown_authority(fleet):
    """a certificate of an authority that the client does not know: SSLError"""
    with wsman(fleet, cert_validation=True, reconnection_retries=0) as connection:
        fails(requests.exceptions.SSLError, WinRS(connection).open)


prove(shell, process, chosen_id, standard_input, much, operation_timeout, bad_command_id, terminate, closed_shell, wrong_password, wrong_path, unknown_authority)
