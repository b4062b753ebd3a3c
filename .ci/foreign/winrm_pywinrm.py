"""pywinrm runs commands and PowerShell on the servers over HTTPS, and gets the errors that Windows gives."""

import time

import requests
import winrm
from winrm.exceptions import InvalidCredentialsError, WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError
from winrm.protocol import Protocol

from fleet import fails, prove

NOBODY = "11111111-1111-1111-1111-111111111111"
NO_SUCH_SHELL_OR_COMMAND = 2150858843  # ERROR_WSMAN_INVALID_SELECTORS
TOO_MANY_SHELLS = 2150859173  # ERROR_WSMAN_QUOTA_MAX_SHELLS


def settings(fleet, server, **changed):
    given = {"username": server["user"], "password": server["password"], "transport": "basic", "ca_trust_path": fleet["ca"], **changed}
    return {name: value for name, value in given.items() if value is not None}


def session(fleet, number=0, **changed):
    server = fleet.server(number)
    given = settings(fleet, server, **changed)
    return winrm.Session(server["winrm"], auth=(given.pop("username"), given.pop("password")), **given)


def protocol(fleet, number=0, url=None, **changed):
    server = fleet.server(number)
    return Protocol(url or server["winrm"], **settings(fleet, server, **changed))


def commands(fleet):
    """run_cmd: standard output, standard error and exit code of what cmd.exe runs"""
    for number, server in enumerate(fleet["servers"]):
        assert session(fleet, number).run_cmd("hostname").std_out == server["name"].encode() + b"\r\n"
    one, name = session(fleet), fleet.server(0)["name"]
    for line, arguments, code, out, err in (
        ("cmd", ["/c", "echo", "hello", "world"], 0, b"hello world\r\n", b""),
        ("whoami", [], 0, f"{name}\\{fleet.server(0)['user']}\r\n".lower().encode(), b""),
        ("exit 7", [], 7, b"", b""),
        ("cmd.exe /c echo out && echo err>&2 && exit 1", [], 1, b"out \r\n", b"err \r\n"),
    ):
        ran = one.run_cmd(line, arguments)
        assert (ran.status_code, ran.std_out, ran.std_err) == (code, out, err), (line, ran.status_code, ran.std_out, ran.std_err)


def unknown_command(fleet):
    """an unknown command: exit code 1 and the words of cmd.exe on standard error"""
    ran = session(fleet).run_cmd("msdeploy", ["-verb:sync"])
    words = b"'msdeploy' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
    assert (ran.status_code, ran.std_out, ran.std_err) == (1, b"", words), (ran.status_code, ran.std_out, ran.std_err)


def power_shell(fleet):
    """run_ps: standard output, standard error and exit code of a script"""
    ran = session(fleet).run_ps("Write-Output 'hello; world'\n[Console]::Error.WriteLine('oh dear')\nexit 4")
    assert (ran.status_code, ran.std_out, ran.std_err) == (4, b"hello; world\r\n", b"oh dear\r\n"), (ran.status_code, ran.std_out, ran.std_err)


def error_record(fleet):
    """run_ps: an error record comes as CLIXML, which the client takes apart"""
    ran = session(fleet).run_ps("Write-Error 'the disk is full'")
    assert ran.status_code == 1 and ran.std_out == b"", (ran.status_code, ran.std_out)
    assert ran.std_err.startswith(b"Write-Error 'the disk is full' : the disk is full\n    + CategoryInfo"), ran.std_err


def wrong_password(fleet):
    """a wrong password or user: InvalidCredentialsError"""
    fails(InvalidCredentialsError, session(fleet, password="guessed").run_cmd, "hostname")
    fails(InvalidCredentialsError, session(fleet, username="nobody").run_cmd, "hostname")


def wrong_path(fleet):
    """a wrong path: HTTP 404, in the words of http.sys"""
    error = fails(WinRMTransportError, protocol(fleet, url=fleet.server(0)["winrm"].replace("/wsman", "/other")).open_shell)
    assert error.code == 404 and "HTTP Error 404. The requested resource is not found." in error.response_text, error.args


def unknown_authority(fleet):
    """a certificate of an authority that the client does not know: SSLError"""
    fails(requests.exceptions.SSLError, session(fleet, ca_trust_path=None).run_cmd, "hostname")


def unknown_shell(fleet):
    """a shell that is not there: fault 2150858843 to Command, Receive and Delete"""
    client = protocol(fleet)
    for call in (lambda: client.run_command(NOBODY, "hostname"), lambda: client.get_command_output_raw(NOBODY, NOBODY), lambda: client.close_shell(NOBODY, False)):
        error = fails(WSManFaultError, call)
        assert (error.code, error.wsman_fault_code) == (500, NO_SUCH_SHELL_OR_COMMAND), error
        assert (error.fault_code, error.fault_subcode) == ("s:Sender", "w:InvalidSelectors") and "the shell was not found on the server" in error.reason, error


def ended_command(fleet):
    """a command that was cleaned up, and one that never was: fault 2150858843"""
    client = protocol(fleet)
    shell = client.open_shell()
    command = client.run_command(shell, "hostname")
    assert client.get_command_output(shell, command)[2] == 0
    client.cleanup_command(shell, command)
    for gone in (command, NOBODY):
        error = fails(WSManFaultError, client.get_command_output_raw, shell, gone)
        assert error.wsman_fault_code == NO_SUCH_SHELL_OR_COMMAND and error.fault_subcode == "w:InvalidSelectors", error
    client.close_shell(shell)
    assert fails(WSManFaultError, protocol(fleet).run_command, shell, "hostname").wsman_fault_code == NO_SUCH_SHELL_OR_COMMAND


def operation_timeout(fleet):
    """Receive: held for the operation's time, times out with 2150858793, is asked again, and loses nothing"""
    client = protocol(fleet, operation_timeout_sec=1, read_timeout_sec=10)
    shell = client.open_shell()
    command = client.run_command(shell, "powershell", ["Write-Host first; Start-Sleep 3; Write-Host last"])
    out, err, code, done = client.get_command_output_raw(shell, command)
    while out != b"first\n":
        assert not done
        more, err, code, done = client.get_command_output_raw(shell, command)
        out += more
    began = time.monotonic()
    fails(WinRMOperationTimeoutError, client.get_command_output_raw, shell, command)
    assert 0.8 < time.monotonic() - began < 3, time.monotonic() - began
    assert client.get_command_output(shell, command) == (b"last\n", b"", 0)
    client.cleanup_command(shell, command)
    client.close_shell(shell)


def standard_input(fleet):
    """Send: a program reads its input to the end"""
    client = protocol(fleet)
    shell = client.open_shell()
    command = client.run_command(shell, "sort", console_mode_stdin=False)
    client.send_command_input(shell, command, "pear\r\napple\r\n")
    client.send_command_input(shell, command, "Orange\r\n", end=True)
    assert client.get_command_output(shell, command) == (b"apple\r\nOrange\r\npear\r\n", b"", 0)
    ended = fails(WSManFaultError, client.send_command_input, shell, command, "late\r\n")
    assert ended.wsman_fault_code in (109, 232), ended  # the pipe has been ended
    client.close_shell(shell)


def quota(fleet):
    """the 31st shell of a user: w:QuotaLimit with MSFT_WmiError 2150859173; after a Delete there is room again"""
    client, shells, refused = protocol(fleet, 1), [], None
    while refused is None and len(shells) < 40:
        try:
            shells.append(client.open_shell())
        except WSManFaultError as error:
            refused = error
    try:
        assert refused is not None and 20 < len(shells) <= 30, len(shells)
        assert refused.wmierror_code == TOO_MANY_SHELLS and refused.fault_subcode == "w:QuotaLimit", refused
        client.close_shell(shells.pop(), close_session=False)
        shells.append(client.open_shell())
    finally:
        for shell in shells:
            client.close_shell(shell, close_session=False)


prove(commands, unknown_command, power_shell, error_record, wrong_password, wrong_path, unknown_authority, unknown_shell, ended_command, operation_timeout, standard_input, quota)
