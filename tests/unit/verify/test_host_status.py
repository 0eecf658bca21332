"""The whole state of a host, made of the sections that a script has printed."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from provision.build.evidence import sections
from provision.host import scripts
from provision.output.status import ClockLimits, HostStatus
from provision.verify.expectation import Expectation, expect
from provision.verify.host_status import LAST_SECTION, host_status, parse_answers
from tests.helpers.samples import CASES, FACTS

CLOCK = (CASES / "evidence" / "server.txt").read_text()
STATE = """\
==> unconfirmed
==> key ids
1-2
7-7
==> serverstats
120,3,40,0,0,0,0,110
==> sourcestats
198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005
==> names
^,*,time.example,1,2,377,1,-0.000000892,-0.000001025,0.000026260
==> finished
"""
LIMITS = ClockLimits(offset_seconds=0.05, error_seconds=1.0, least_sources=1, authenticated=False)
FOLLOWS = expect("server time.example\nallow 0.0.0.0/0\n", version="", seccomp=False, facts=FACTS)
CLIENT = expect("server time.example\nport 0\n", version="", seccomp=False, facts=FACTS)
LOCAL = expect("local stratum 5\nallow 0.0.0.0/0\n", version="", seccomp=False, facts=FACTS)


def state(text: str = CLOCK, expected: Expectation = FOLLOWS) -> HostStatus:
    """Return the state of a host by this text about its clock."""
    said = sections(f"{text.replace('==> finished', '==> end')}{STATE}")
    return host_status(
        said,
        parse_answers(said),
        expected,
        generation="aaaa",
        executable="/opt/chrony/builds/chrony-4.9-nettle-3.10.2-48d8d26a6fd6/sbin/chronyd",
        limits=LIMITS,
        wanted_release="4.8",
    )


def test_it_has_the_values_of_the_host_and_the_site() -> None:
    seen = state()
    assert (seen.role, seen.generation, seen.release, seen.wanted_release) == ("server", "aaaa", "4.9", "4.8")
    assert (seen.confirmed, seen.key_ids, seen.limits) == (True, "1-2,7", LIMITS)
    assert seen.clock is not None
    (source,) = seen.sources
    assert (source.name, source.address, source.state) == ("time.example", "198.19.0.2", "selected")
    assert source.statistics is not None
    assert source.measurement is not None
    assert seen.server is not None


def test_a_client_counts_no_requests_and_a_host_without_sources_has_no_limits() -> None:
    assert state(expected=CLIENT).server is None
    assert state(expected=LOCAL).limits is None


def test_a_daemon_that_does_not_answer_has_neither_clock_nor_sources() -> None:
    text = CLOCK.replace("==> tracking\n", "==> tracking\n506 Cannot talk to daemon\n==> spare\n")
    seen = state(text)
    assert (seen.clock, seen.sources) == (None, ())


def test_a_daemon_that_does_not_show_how_its_sources_are_authenticated_is_believed_in_the_rest() -> None:
    (source,) = state(CLOCK.replace("198.19.0.2,-,0,0,0,4294967295,0,0,0,0", "501 Not authorised")).sources
    assert (source.authentication, source.state) == ("unknown", "selected")


def tell(folder: Path, conf: str | None) -> tuple[int, Mapping[str, str]]:
    """Return how the script ends, and what it tells, on a host with this chrony.conf whose chronyd does not answer."""
    chronyc = folder / "chronyc"
    chronyc.write_text("#!/bin/sh\necho '506 Cannot talk to daemon'\nexit 1\n")
    chronyc.chmod(0o755)
    current = folder / "current"
    current.mkdir()
    (current / "chrony.keys").write_text("1 AES128 HEX:00\n2 AES128 HEX:11\n# 3\n7 AES128 HEX:22\n")
    if conf is not None:
        (current / "chrony.conf").write_text(conf)
    text = f"{scripts.functions('print_status')}\nshow_state {folder} {chronyc}"
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False)
    return done.returncode, sections(done.stdout)


def test_a_daemon_that_does_not_answer_is_a_state_and_no_error(tmp_path: Path) -> None:
    status, said = tell(tmp_path, "server ntp1\n")
    assert (status, said["chrony.conf"].strip(), said["key ids"].split()) == (0, "server ntp1", ["1-2", "7-7"])
    assert {said[name].strip() for name in ("serverstats", "sourcestats", LAST_SECTION)} == {
        "506 Cannot talk to daemon"
    }


def test_without_its_chrony_conf_the_state_of_a_host_ends_early(tmp_path: Path) -> None:
    status, said = tell(tmp_path, None)
    assert (status, LAST_SECTION in said) == (1, False)
