"""Hosts that answer what nobody asked: each costs one line and an exit status, little memory, and little time."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.common.errors import HostUnreachable, ParseError, ProvisionError
from provision.host.facts import facts_script, parse_facts
from provision.host.host import Host
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import parse_target
from provision.host.transport import Limit, ssh
from provision.host.transport.output_mark import MARK
from provision.host.transport.ssh import SshTransport
from tests.helpers.booted_hosts import booted, login
from tests.helpers.operators import SITE, Operator
from tests.integration.conftest import CHECKOUT

pytestmark = pytest.mark.integration

FIRST_PORT = 2300
LIMIT = Limit(seconds=3, most_bytes=1_000_000)
NEVER_ENDS = r"a command was stopped: it did not end within 3 s; check the host"
TOO_MUCH = r"a command was stopped: it printed more than 1000000 bytes; check the host"
NO_FACTS = r"the host did not print its os"
# What the host does whatever it is asked, and what is said of it.
HOSTS = {
    "endless": ("yes", TOO_MUCH),
    "endless line": ("cat /dev/zero", TOO_MUCH),
    "endless errors": ("yes >&2", TOO_MUCH),
    "gigabytes": ("head -c 3G /dev/zero", TOO_MUCH),
    "never": ("sleep 600", NEVER_ENDS),
    "drips": ("while :; do echo x; sleep 0.1; done", NEVER_ENDS),
    "keeps the channel": ("sleep 600 & exit 0", NEVER_ENDS),
    "nothing": ("true", NO_FACTS),
    "another command": ("echo 'files only'", "the login does not run commands: files only; is there a forced command"),
    "no output": ("true", r"the login does not run commands: \(it printed nothing\); is there a forced command"),
    "fails": ("printf '\\033]0;owned\\007' >&2; exit 3", r"query failed \(exit status 3\): "),
    "closes": ("kill -9 $PPID", r"the connection was lost|connection was closed|closed|EOF"),
    "garbage": ("head -c 200000 /dev/urandom", NO_FACTS),
    "cut off": ("printf 'os=debian\\nos_version=12\\nos_l'", r"the host did not print its os_like"),
    "words for numbers": (
        "printf 'os=debian\\nos_version=12\\nos_like=\\nos_name=x\\nmachine=x\\nlibc=x\\ncpus=many\\nuid=0\\n'",
        r"a fact of the host is not a number",
    ),
    "escapes": ("printf 'os=\\033[2J\\033]0;owned\\007\\r\\nos_version=\\n'", r"the host did not print its os_like"),
}
WITHOUT_MARK = {"another command", "no output"}
"""The commands that do not print the mark before their output."""
PORTS = {name: FIRST_PORT + number for number, name in enumerate(HOSTS)}


@pytest.fixture(scope="module")
def host() -> Iterator[Sandbox]:
    lines = ["UsePAM no", "AddressFamily inet", "Banner /root/banner"]
    lines += [f"Port {port}" for port in PORTS.values()]
    for name, port in PORTS.items():
        lines += [f"Match LocalPort {port}", f"  ForceCommand {forced_command(name)}"]
    with booted(f"it-hostile-{CHECKOUT}") as made:
        (made.root / "root/sshd_config").write_text("\n".join(lines) + "\n")
        (made.root / "root/banner").write_bytes(b"\x1b]0;owned\x07\x1b[2J\n")
        login(made, "systemd-run --quiet --unit=hostile /usr/sbin/sshd -D -f /root/sshd_config")
        wanted = len(PORTS)
        login(
            made, f"for i in $(seq 100); do [ $(ss -tln | grep -c :23) -ge {wanted} ] && exit; sleep 0.05; done; exit 1"
        )
        yield made


def forced_command(name: str) -> str:
    command, _ = HOSTS[name]
    if name in WITHOUT_MARK:
        return command
    return f"echo {MARK}; {command}"


@pytest.mark.parametrize("name", HOSTS)
def test_it_costs_one_line(name: str, host: Sandbox) -> None:
    target = parse_target(f"root@{host.address}:{PORTS[name]}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProvisionError) as caught:
        facts_of(Host(SshTransport(target, key=host.key, host_key=host.host_key), looking=LIMIT))
    assert caught.match(HOSTS[name][1])
    assert str(caught.value).splitlines()[1:] == []
    assert isinstance(caught.value, ParseError) or str(caught.value).startswith(f"{target.text}: ")
    # Kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000


def facts_of(host: Host) -> None:
    try:
        parse_facts(host.ask(facts_script(), root=False))
    finally:
        host.transport.close()


def test_a_workspace_that_does_not_begin_is_given_up(host: Sandbox) -> None:
    target = parse_target(f"root@{host.address}:{PORTS['never']}")
    transport = SshTransport(target, key=host.key, host_key=host.host_key)
    with pytest.raises(HostUnreachable, match=r": no answer within 1 s; check the host"):
        transport.hold("anything").read_line(1)


@pytest.mark.parametrize(("name", "words"), [("endless line", ""), ("never", "no answer within 3 s; check the host")])
def test_a_file_transfer_to_a_program_that_is_no_shell_ends(
    name: str, words: str, host: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The product waits for two minutes.
    monkeypatch.setattr(ssh, "CHANNEL_SECONDS", 3)
    target = parse_target(f"root@{host.address}:{PORTS[name]}")
    transport = SshTransport(target, key=host.key, host_key=host.host_key)
    with pytest.raises(ProvisionError, match=f"^{target.text}: {words}"):
        transport.upload(b"x", "/root/new")


def test_the_other_hosts_of_a_fleet_go_on(host: Sandbox, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    operator.meet(host)
    with operator.known_hosts.open("a") as known:
        known.writelines(f"[{host.address}]:{port} {host.host_key}\n" for port in PORTS.values())
    names = ("endless", "garbage", "nothing", "fails", "escapes", "closes")
    hosts = [f"--host=root@{host.address}:{PORTS[name]}" for name in names]
    ran = operator.run("status", *hosts, f"--host=root@{host.address}", operator.site(SITE))
    assert ran.status in {1, 2}
    assert "Traceback" not in ran.output + ran.errors
    logs = "".join(log.read_text() for log in operator.logs.iterdir())
    for text in (ran.output, ran.errors, logs):
        assert all(char.isprintable() or char == "\n" for char in text)
    assert r"query failed (exit status 3): \x1b]0;owned\x07" in ran.output
    assert r"query failed (exit status 3): \x1b]0;owned\x07" in logs
    assert [report["error"] is None for report in ran.reports[:-1]] == [False] * len(names)
    # The last one answers: nothing is deployed there.
    assert "a command was stopped" not in str(ran.reports[-1]["error"])
