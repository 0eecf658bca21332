"""A chronyd tried beside another: what was printed, parsed; and the script with the distribution's own chronyd."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import ParseError
from provision.host import scripts
from provision.host.host import Host
from provision.host.transport.local import LocalTransport
from provision.verify.checks.rehearsal import AT_MOST, failures
from provision.verify.rehearsal import Rehearsal, parse_rehearsal
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.packaged_chronyd import fetch
from tests.helpers.samples import CASES, SECRET

SERVER = (CASES / "rehearsal" / "server.txt").read_text()
LINES = SERVER.splitlines(keepends=True)


@pytest.mark.parametrize("count", range(len(LINES)))
def test_a_rehearsal_that_was_cut_off_is_refused(count: int) -> None:
    with pytest.raises(ParseError, match=r"^the rehearsal is incomplete; the host may have been cut off$"):
        parse_rehearsal("".join(LINES[:count]))


@given(st.text() | st.lists(st.sampled_from(LINES) | st.text(max_size=5)).map("".join).map("{}\n==> finished".format))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    try:
        rehearsal = parse_rehearsal(text)
    except ParseError as error:
        assert "\n" not in str(error)
    else:
        assert len(failures(rehearsal)) <= AT_MOST + 1


ACCOUNT = "65534"
KEY = f"1 AES128 HEX:{SECRET}\n"
CONF = "allow 127.0.0.0/8\nkeyfile /nowhere/chrony.keys\npool pool.ntp.org iburst\n"


@pytest.fixture(scope="module")
def build() -> Iterator[Path]:
    # Not in pytest's own folder, which nobody else may enter.
    with TemporaryDirectory() as name:
        yield fetch(Path(name)).root / "usr"


@pytest.fixture
def stage(build: Path) -> Iterator[Path]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "build").symlink_to(build)
        yield folder


def rehearse(stage: Path, folder: Path, *, keys: str = KEY, conf: str = CONF, address: str = "127.0.0.1") -> Rehearsal:
    """Rehearse Debian's chronyd on this machine, without privileges."""
    (stage / "chrony.conf").write_text(conf)
    (stage / "chrony.keys").write_text(keys)
    (stage / "chrony.keys").chmod(0o600)
    os.chown(stage / "chrony.keys", int(ACCOUNT), int(ACCOUNT))
    trial = scripts.load("rehearse", str(stage), address, "1")
    log: list[str] = []
    host = Host(LocalTransport(), log=log.append)
    said = host.run("rehearsing", scripts.unprivileged(trial, folder=str(folder / "scratch"), account=ACCOUNT))
    assert_nowhere(SECRET, said, *log)
    return parse_rehearsal(said)


FAULTS = [
    pytest.param({}, (), id="nothing"),
    pytest.param({"conf": "port 0\nserver 192.0.2.1\n", "address": ""}, (), id="nothing, as a client"),
    pytest.param({"conf": "allow ::1\n", "address": "::1"}, (), id="nothing, where only IPv6 is let in"),
    pytest.param(
        {"keys": f"1 AES128 HEX:{SECRET[:-2]}\n"},
        ("Invalid length of AES128 key 1 (expected 128 bits)",),
        id="a key that was cut off",
    ),
    pytest.param({"keys": f"{KEY}1 AES128 {SECRET[:16]}\n"}, ("Detected duplicate key 1",), id="two keys of one id"),
    pytest.param(
        {"conf": f"{CONF}server ntp.invalid iburst KEY 99\npeer 192.0.2.7 key 1\n"},
        ("Key 99 is missing",),
        id="a source's key is missing, and its name is not resolved",
    ),
    pytest.param(
        {"conf": f"{CONF}deny all\n"},
        ('a plain request in the rehearsal is answered" does not hold',),
        id="rules that let nobody in",
    ),
]


@pytest.mark.integration
@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_a_fault_is_found(change: dict[str, str], words: tuple[str, ...], stage: Path, tmp_path: Path) -> None:
    reasons = failures(rehearse(stage, tmp_path, **change))
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))


DISTURBING = """
refclock SOCK {0}/live.sock
rtcfile {0}/rtc
driftfile {0}/drift
dumpdir {0}/dump
ntsdumpdir {0}/nts
logdir {0}/log
log tracking
pidfile {0}/live.pid
bindcmdaddress {0}/run/chronyd.sock
cmdport 323
cmddeny all
port 123
acquisitionport 123
ptpport 319
hwtimestamp *
binddevice lo
sched_priority 1
lock_all
broadcast 30 127.255.255.255
mailonchange root 0.000001
ntpsigndsocket {0}/signd
ratelimit interval 12 burst 1
local stratum 5 orphan
user nobody
"""
"""Directives that would reach for what the daemon that runs has."""


@pytest.mark.integration
def test_nothing_of_the_running_daemon_is_touched(stage: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    assert failures(rehearse(stage, tmp_path, conf=CONF + DISTURBING.format(live))) == ()
    assert list(live.iterdir()) == []


def at_work_in(folder: Path) -> list[str]:
    """Return the processes whose working directory lies there."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            where = link.readlink()
        except OSError:  # it ended meanwhile
            continue
        if where.is_relative_to(folder):
            found.append(link.parent.name)
    return found


@pytest.mark.integration
@pytest.mark.parametrize("signal", ["HUP", "TERM", "PIPE"])
def test_no_process_is_left_when_a_rehearsal_is_broken_off(signal: str, stage: Path, tmp_path: Path) -> None:
    # It would wait for five seconds for an answer.
    breaker = f"(sleep 1; kill -{signal} $$) </dev/null >/dev/null 2>&1 &\n"
    (stage / "chrony.conf").write_text(f"{CONF}deny all\n")
    (stage / "chrony.keys").write_text(KEY)
    script = breaker + scripts.load("rehearse", str(stage), "127.0.0.1", "0")
    output = LocalTransport().execute(scripts.unprivileged(script, folder=str(tmp_path / "scratch"), account="0"))
    assert output.status == 1
    assert "==> ask" not in output.stdout, "it went on to the end"
    assert at_work_in(tmp_path) == []


@pytest.mark.integration
def test_a_rehearsal_leaves_no_process(stage: Path, tmp_path: Path) -> None:
    assert rehearse(stage, tmp_path).ending == "running"
    assert at_work_in(tmp_path) == []


@pytest.mark.integration
def test_clients_are_few_at_any_number_of_keys(stage: Path, tmp_path: Path) -> None:
    keys = "".join(f"{number} SHA256 HEX:{number:064x}\n" for number in range(1, 301))
    rehearsal = rehearse(stage, tmp_path, keys=keys)
    assert failures(rehearsal) == ()
    (asked,) = rehearsal.local_answers
    tried = [int(name.split()[1]) for name in asked.requests if name.startswith("key ")]
    assert len(set(tried)) == 50
    assert {1, 300} < set(tried)
    assert asked.left_out == 250


@pytest.mark.integration
def test_keys_of_a_sample_are_made_and_thrown_away(build: Path, tmp_path: Path) -> None:
    sample = scripts.load("sample_generation", str(build), "allow\n# it's", "7", "AES128", "9", "SHA256")
    trial = scripts.load("rehearse", "generation", "", "0")
    script = scripts.unprivileged(
        f"(\n{sample}\n) || exit 1\n{trial}", folder=str(tmp_path / "scratch"), account=ACCOUNT
    )
    rehearsal = parse_rehearsal(Host(LocalTransport()).run("rehearsing", script))
    assert failures(rehearsal) == ()
    assert {"key 7", "key 9"} < set(rehearsal.local_answers[0].requests)
    assert (tmp_path / "scratch/generation/chrony.keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.integration
def test_a_configuration_that_chronyd_refuses_is_not_rehearsed(stage: Path, tmp_path: Path) -> None:
    (stage / "chrony.conf").write_text("nonsense\n")
    trial = scripts.load("rehearse", str(stage), "127.0.0.1", "0")
    output = LocalTransport().execute(scripts.unprivileged(trial, folder=str(tmp_path / "scratch"), account=ACCOUNT))
    assert (output.status, "Invalid directive" in output.last_words) == (1, True)
