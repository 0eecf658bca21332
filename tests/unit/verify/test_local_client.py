"""A daemon asked by its own host: the script, with the distribution's chronyd, under limits and without a clock."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import pytest

from provision.build.evidence import sections
from provision.host import scripts
from provision.host.host import Host
from provision.host.transport.local import LocalTransport
from provision.keys import Key, Keys
from provision.verify.checks.requests import local_findings, request_text
from provision.verify.checks.server import SERVER
from provision.verify.local_client import LocalAnswers, parse_local_answers
from tests.helpers.packaged_chronyd import Package, fetch
from tests.helpers.samples import write_keys
from tests.unit.verify.ntp.test_probe import free_port

pytestmark = pytest.mark.integration

ADDRESS = "127.0.0.2"
"""A daemon that already runs here may hold the ports of 127.0.0.1."""
KEYS = Keys(tuple(Key(number, "AES128", number.to_bytes(16, "big")) for number in range(1, 21)))
ALLOW = "allow 127.0.0.0/8"


@pytest.fixture(scope="module")
def chrony() -> Iterator[Package]:
    # Not in pytest's own folder, which nobody else may enter.
    with TemporaryDirectory() as name:
        yield fetch(Path(name))


def ask(
    chrony: Package, folder: Path, *lines: str, keys: Keys = KEYS, most: int = 50, address: str = ADDRESS
) -> LocalAnswers:
    """Ask a daemon with these lines, which has KEYS, as evidence.sh does."""
    port = free_port(ADDRESS)
    write_keys(folder / "theirs", KEYS)
    write_keys(folder / "ours", keys)
    conf = (f"bindaddress {ADDRESS}", f"port {port}", f"keyfile {folder / 'theirs'}", *lines)
    with chrony.chronyd(folder / "daemon", *conf) as control:
        chronyc = folder / "chronyc"
        chronyc.write_text(f'#!/bin/sh\nexec {chrony.root}/usr/bin/chronyc -h {control} "$@"\n')
        chronyc.chmod(0o755)
        (folder / "work").mkdir()
        build = chrony.root / "usr"
        script = f"cd {quote(str(folder / 'work'))}; build={quote(str(build))}; chronyc={quote(str(chronyc))}\n"
        script += "".join(scripts.text(name) for name in ("can_setpriv", "as_nobody", "ask_chronyc", "query_chronyd"))
        script += f'ask_all "$build" {folder / "ours"} "{address}" {port} "$(free_id)" {most}\nshow_answers\n'
        (asked,) = parse_local_answers(sections(Host(LocalTransport()).run("asking", script)))
    return asked


def verdicts(asked: LocalAnswers) -> dict[tuple[str, str], bool | None]:
    return {(finding.id, finding.subject): finding.holds for finding in local_findings(SERVER, asked)}


GOOD = [
    pytest.param(("local stratum 3",), id="its own clock"),
    pytest.param((), id="no clock at all"),
    pytest.param(("local stratum 3", "noclientlog"), id="no log of clients"),
    pytest.param(("local stratum 3", "clientloglimit 1024"), id="a small log of clients"),
]


def test_a_client_runs_without_privileges(chrony: Package, tmp_path: Path) -> None:
    ask(chrony, tmp_path, ALLOW, "local stratum 3")
    logs = list((tmp_path / "work/asked").glob("*/measurements.log"))
    assert logs
    # systemd.io/UIDS-GIDS: the numbers that are given out for a moment, and belong to nobody.
    assert {61184 <= log.stat().st_uid <= 65519 for log in logs} == {True}


@pytest.mark.parametrize("lines", GOOD)
def test_macs_are_proven(lines: tuple[str, ...], chrony: Package, tmp_path: Path) -> None:
    asked = ask(chrony, tmp_path, ALLOW, *lines)
    assert set(verdicts(asked).values()) == {True}
    assert len(asked.requests) == 2 * len(KEYS) + 2
    if not lines:
        assert request_text(asked.requests["key 1"]) == "answered; the server's own clock is not synchronised"


LIMITS = [
    pytest.param("ratelimit interval 1 burst 16", 3, {True}, id="within the burst"),
    pytest.param("ratelimit interval 1 burst 16", 50, {True, None}, id="beyond it"),
]


@pytest.mark.parametrize(("limit", "most", "holds"), LIMITS)
def test_a_limit_of_the_servers_own_is_no_fault(
    limit: str, most: int, holds: set[bool | None], chrony: Package, tmp_path: Path
) -> None:
    found = verdicts(ask(chrony, tmp_path, ALLOW, "local stratum 3", limit, most=most))
    assert {value for (id_, _), value in found.items() if id_ != SERVER.other_keys.id} == holds
    assert any(value for (id_, _), value in found.items() if id_ == SERVER.key.id)


def test_a_server_that_answers_one_request_in_an_hour_is_not_found_faulty(chrony: Package, tmp_path: Path) -> None:
    # Which request is answered is random: chronyd answers one in sixteen of those above the limit (leak).
    found = verdicts(ask(chrony, tmp_path, ALLOW, "local stratum 3", "ratelimit interval 12 burst 1 leak 4", most=1))
    assert found
    assert False not in found.values()


def test_a_key_with_another_secret_is_found(chrony: Package, tmp_path: Path) -> None:
    ours = Keys((*KEYS.keys[:3], Key(4, "AES128", bytes(16))))
    found = verdicts(ask(chrony, tmp_path, ALLOW, "local stratum 3", keys=ours))
    assert [(name, holds) for name, holds in found.items() if holds is not True] == [
        ((SERVER.key.id, f"key 4 at {ADDRESS}"), False)
    ]


def test_rules_that_deny_every_client_are_found(chrony: Package, tmp_path: Path) -> None:
    asked = ask(chrony, tmp_path, "local stratum 3", "deny 127.0.0.0/8", keys=Keys(KEYS.keys[:1]))
    assert verdicts(asked) == {
        (SERVER.plain.id, ADDRESS): False,
        (SERVER.key.id, f"key 1 at {ADDRESS}"): None,
        (SERVER.wrong_key.id, ADDRESS): None,
    }


def test_packets_that_do_not_arrive_are_no_fault_of_chronyds(chrony: Package, tmp_path: Path) -> None:
    # Nobody listens at 127.0.0.3.
    asked = ask(chrony, tmp_path, ALLOW, "local stratum 3", keys=Keys(KEYS.keys[:1]), address="127.0.0.3")
    (finding,) = local_findings(SERVER, asked)
    assert (finding.id, finding.subject, finding.holds) == (SERVER.requests.id, "127.0.0.3", None)
    assert finding.seen.startswith("no request reached chronyd")
