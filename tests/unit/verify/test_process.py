"""What the process of a generation should be and answer, and how it differs."""

import os
from pathlib import Path

import pytest

from provision.host import scripts
from provision.verify.process import Running, running
from tests.helpers.step_samples import UNALTERED, ask

CONF = """\
server ntp1.example iburst
pool POOL.example iburst
server 2001:DB8:0::1 key 3
peer 192.0.2.7
refclock PHC /dev/ptp0
# server commented.example
allow 10.0.0.0/8
deny 10.1.0.0/16
allow fd00::/8
"""
SERVER = running(generation="aaaa", conf=CONF)
CLIENT = running(generation="aaaa", conf="server ntp1.example\nport 0\n")
PROCESS = {"generation": "aaaa", "program": "11", "installed": "11"}
ALLOWED, DENIED = "208 Access allowed", "209 Access denied"


def answers(of: Running, *, names: tuple[str, ...] | None = None, opposite: str = "") -> str:
    """Return what chronyc prints to the questions, of a daemon without a fault or with the opposite for one address."""
    access = of.access
    lines = []
    for address in of.addresses:
        assert access is not None
        lines.append(ALLOWED if access.admits(address) != (address == opposite) else DENIED)
    names = tuple(sorted(of.sources)) if names is None else names
    lines += [f"^,*,{name},1,0,77,0,0.000000539,0.000005183,0.000021321" for name in names]
    return "\n".join(lines)


def said(of: Running, answered: str, **process: str) -> list[str]:
    return list(of.differences({**PROCESS, **process}, answered))


def test_addresses_lie_in_each_network_beside_each_and_in_none() -> None:
    for address in ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0", "10.1.0.0", "10.0.255.255", "10.2.0.0"):
        assert address in SERVER.addresses
    for address in ("fd00::", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::", "8.8.8.8", "2001:db8::1"):
        assert address in SERVER.addresses


def test_of_many_networks_a_sample_is_asked_about() -> None:
    conf = "".join(f"allow 10.{number // 250}.{number % 250}.0/24\n" for number in range(0, 4000, 2))
    assert len(running(generation="aaaa", conf=conf).addresses) <= 90


def test_the_edges_of_all_addresses_have_nothing_beside_them() -> None:
    addresses = running(generation="aaaa", conf="allow 0.0.0.0/0\nallow ::/0\n").addresses
    assert {"0.0.0.0", "255.255.255.255", "::"} <= set(addresses)  # noqa: S104 -- an address to be asked about


def test_sources_are_those_of_chrony_conf_in_one_form() -> None:
    assert SERVER.sources == {"ntp1.example", "pool.example", "2001:db8::1", "192.0.2.7"}


DIFFERENCES = [
    pytest.param(SERVER, answers(SERVER), {}, [], id="a server without a fault"),
    pytest.param(CLIENT, answers(CLIENT), {}, [], id="a client without a fault"),
    pytest.param(
        SERVER,
        f"{answers(SERVER)}\n#,?,PHC0,0,4,0,{2**32 - 1},0.0,0.0,0.0",
        {},
        [],
        id="a reference clock, which nobody can add at run time",
    ),
    pytest.param(
        SERVER,
        answers(SERVER),
        {"program": "22"},
        ["it was started from another program than the one that is installed"],
        id="another program",
    ),
    pytest.param(SERVER, answers(SERVER), {"started": "a 1 b 2 ", "now": "a 1 b 2 "}, [], id="files as it read them"),
    pytest.param(
        SERVER,
        answers(SERVER),
        {"started": "a 1 b 2 ", "now": "a 1 b 3 "},
        ["chrony.conf, chrony.keys or a certificate was changed since it was started"],
        id="files changed, and perhaps changed back",
    ),
    pytest.param(
        SERVER,
        answers(SERVER, opposite="8.8.8.8"),
        {},
        ["it admits 8.8.8.8, which chrony.conf does not"],
        id="the world let in",
    ),
    pytest.param(
        SERVER,
        answers(SERVER, opposite="10.0.0.0"),
        {},
        ["it refuses 10.0.0.0, which chrony.conf admits"],
        id="clients shut out",
    ),
    pytest.param(
        SERVER,
        answers(SERVER, names=("NTP1.example.", "pool.example", "2001:db8::1", "evil.example")),
        {},
        [
            "it follows evil.example, which is not in chrony.conf",
            "it does not follow 192.0.2.7, which is in chrony.conf",
        ],
        id="one source more, one less",
    ),
    pytest.param(
        running(generation="aaaa", conf=f"{CONF}sourcedir /run/chrony-dhcp\n"),
        answers(SERVER, names=("ntp1.example.", "pool.example", "2001:db8::1", "dhcp.example")),
        {},
        ["it does not follow 192.0.2.7, which is in chrony.conf"],
        id="a source of a DHCP client",
    ),
    pytest.param(
        SERVER,
        "506 Cannot talk to daemon",
        {},
        ["it does not answer chronyc (chronyc accheck: unexpected answer '506 Cannot talk to daemon')"],
        id="a daemon that hangs",
    ),
    pytest.param(
        SERVER,
        "\n".join(answers(SERVER).splitlines()[:3]),
        {},
        ["it did not answer all commands of chronyc"],
        id="an answer that was cut off",
    ),
    pytest.param(SERVER, "", {}, ["it did not answer all commands of chronyc"], id="silence"),
]


@pytest.mark.parametrize(("of", "answered", "process", "words"), DIFFERENCES)
def test_a_process_differs(of: Running, answered: str, process: dict[str, str], words: list[str]) -> None:
    assert said(of, answered, **process) == words


UNIT = "regular file|0644|root:root|/etc/systemd/system/chronyd.service"
GENERATION = UNALTERED.to.running.generation
GOOD = f"generation={GENERATION}\nprogram=1\ninstalled=1"
STEPS = [
    pytest.param("==> process", None, id="it does not run, which another step says"),
    pytest.param("==> process\ngeneration=0123456789abcdef", None, id="another generation runs"),
    pytest.param(f"==> process\ngeneration={GENERATION}", "it ended while it was looked at", id="it ended"),
    pytest.param(
        f"==> process\n{GOOD}\n==> unit\n{UNIT.replace('0644', '0666')}\n==> answers\n",
        "chronyd.service has mode 0666, not 0644",
        id="anybody may write to the unit",
    ),
]


@pytest.mark.parametrize(("seen", "words"), STEPS)
def test_a_daemon_is_unaltered(seen: str, words: str | None) -> None:
    drift = UNALTERED.drift(seen)
    assert drift is None if words is None else words in str(drift)


def test_files_that_were_touched_have_another_stamp_for_equal_content_and_time(tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.mkdir()
    for name in ("chrony.conf", "chrony.keys"):
        (current / name).write_text(name)
    stamp = f"{scripts.text('start_stamp')}start_stamp {tmp_path}"
    first = ask(stamp)
    assert (ask(stamp), first.count("chrony.")) == (first, 2)
    before = (current / "chrony.keys").stat()
    (current / "chrony.keys").write_text("another")
    (current / "chrony.keys").write_text("chrony.keys")
    os.utime(current / "chrony.keys", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ask(stamp) != first


CONFS = [
    pytest.param("allow 10.0.0.0/8\nport 0\n", None, [], id="port 0 serves nobody"),
    pytest.param("allow 10.0.0.0/8\nacquisitionport 0\n", (True, True), [], id="port 0 of a client"),
    pytest.param("allow 10.0.0.0/8\ndeny 10.1.0.0/16\n", (True, False), [], id="a network that is denied"),
    pytest.param("initstepslew 30 a\nserver b\nmakestep 1 3\n", (False, False), ["b"], id="sources alone"),
]


@pytest.mark.parametrize(("conf", "admitted", "sources"), CONFS)
def test_a_chrony_conf_says_whom_it_admits_and_follows(
    conf: str, admitted: tuple[bool, bool] | None, sources: list[str]
) -> None:
    found = running(generation="aaaa", conf=conf)
    assert sorted(found.sources) == sources
    if admitted is None:
        assert found.access is None
    else:
        assert found.access is not None
        assert (found.access.admits("10.0.0.1"), found.access.admits("10.1.0.1")) == admitted
