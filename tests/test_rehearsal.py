"""A chronyd tried beside another: what was printed, judged; and the script with the distribution's own chronyd."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision import remote
from provision.asked import Asked, asked_in
from provision.errors import ParseError
from provision.host import Host
from provision.rehearsal import COMPLAINTS, Rehearsal, parse_rehearsal
from provision.transport.local import LocalTransport
from tests.booted import assert_nowhere
from tests.packaged_chronyd import fetch
from tests.sample import CASES, SECRET

SAID = {path.stem: path.read_text() for path in sorted((CASES / "rehearsal").glob("*.txt"))}
SERVER = SAID["server"]
STARTED = "rehearsed: chronyd runs, and says nothing against its keys"
KILLED = "killed by SIGSYS: the filter of system calls is too strict here; try another level, service.seccomp"

REASONS = [
    pytest.param("server", (), id="a server"),
    pytest.param("client", (), id="a client, on a port of its own"),
    pytest.param("chrony-4.0", (), id="the oldest chrony"),
    pytest.param("thousand-keys", (), id="a thousand keys"),
    pytest.param(
        "bad-keys",
        (
            "chronyd says: Could not decode key 7",
            "chronyd says: Could not parse key at line 3 in file /opt/chrony/generations/t-badline/chrony.keys",
            "chronyd says: Invalid type in key 8",
        ),
        id="causes alone, not what follows from them",
    ),
    pytest.param(
        "deny-all",
        (
            "rehearsed: a plain request is answered: no (Timeout reached)",
            "rehearsed: with key 1, the MAC is valid: no (Timeout reached)",
        ),
        id="a configuration that answers nobody",
    ),
    pytest.param(
        "killed",
        (f"{STARTED}: no ({KILLED}; it said last: Loaded seccomp filter (level 2))",),
        id="killed by the filter of system calls",
    ),
]


@pytest.mark.parametrize(("case", "reasons"), REASONS)
def test_why_a_rehearsal_failed(case: str, reasons: tuple[str, ...]) -> None:
    assert parse_rehearsal(SAID[case]).reasons == reasons


def test_every_case_is_judged() -> None:
    assert {str(param.values[0]) for param in REASONS} == set(SAID)


def test_what_a_good_server_shows() -> None:
    assert [(found.claim, found.holds, found.seen) for found in parse_rehearsal(SERVER).findings] == [
        (STARTED, True, "it said last: Loaded seccomp filter (level 2)"),
        ("rehearsed: a plain request is answered", True, "System clock wrong by -0.000004 seconds (ignored)"),
        ("rehearsed: with key 1, the MAC is valid", True, "System clock wrong by -0.000006 seconds (ignored)"),
        ("rehearsed: a wrong key and an unknown one get no answer", True, "no answer to 2 such requests"),
    ]


def test_access_rules_that_were_left_out_are_not_called_tried() -> None:
    *_, rules = parse_rehearsal(SAID["client"]).findings
    assert (rules.claim, rules.holds) == ("rehearsed: the access rules", None)
    assert rules.seen == "left out: this host has no address of its own that is known to be let in"


def test_of_many_keys_a_sample_speaks_for_all() -> None:
    claims = {found.claim: found.holds for found in parse_rehearsal(SAID["thousand-keys"]).findings}
    asked = [claim for claim in claims if claim.endswith("the MAC is valid")]
    assert len(asked) == 50
    assert {"rehearsed: with key 1, the MAC is valid", "rehearsed: with key 1000, the MAC is valid"} <= set(asked)
    assert claims["rehearsed: with the other 950 keys"] is None


ANSWERED = "2026-11-22T23:26:10Z System clock wrong by -0.000004 seconds (ignored)"
WRONG = [
    pytest.param(
        SERVER.replace("==> ask unknown id\n", f"==> ask unknown id\n{ANSWERED}\n"),
        "a wrong key and an unknown one get no answer: no (answered: unknown id)",
        id="an unknown key is answered",
    ),
    pytest.param(
        SERVER.replace("==> daemon\nrunning", "==> daemon\nended with status 1"),
        "says nothing against its keys: no (ended with status 1; it said last: Loaded seccomp filter (level 2))",
        id="it ends while it is asked",
    ),
    pytest.param(
        "==> scope\n==> daemon\nrunning\n==> log\n==> finished",
        "says nothing against its keys: no (chronyc gets no answer from it)",
        id="nothing is answered",
    ),
    pytest.param(
        "==> scope\n==> daemon\nended with status 1\n==> log\n2026-11-22T23:26:10Z Fatal error : Not superuser\n"
        "==> finished",
        "chronyd says: Fatal error : Not superuser",
        id="it gives up",
    ),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_what_a_bad_daemon_does_is_the_reason(text: str, words: str) -> None:
    (reason,) = parse_rehearsal(text).reasons
    assert reason.endswith(words)


def test_many_reasons_are_counted() -> None:
    log = tuple(f"Could not decode key {number}" for number in range(9))
    *_, last = Rehearsal(remark="", asked=Asked({}), ending="running", log=log).reasons
    assert last == "and 6 more"


# The lines of chrony 4.0 to 4.9 about keys: keys.c, ntp_auth.c, util.c; and of NTS: tls_gnutls.c.
BAD_WORDS = [
    "Could not decode key 2",
    "Invalid length of AES128 key 4 (expected 128 bits)",
    "Invalid type in key 5",
    "Unsupported hash function in key 13",
    "Unsupported cipher in key 1",
    "Could not parse key at line 11 in file /opt/chrony/current/chrony.keys",
    "Detected duplicate key 12",
    "Could not open keyfile /opt/chrony/current/chrony.keys",
    "World-readable permissions on /opt/chrony/current/chrony.keys",
    "Key 99 is missing",
    "Key 10 is too short",
    "Fatal error : Could not get user/group ID of chrony",
    "Could not set credentials : Error while reading file.",
]
GOOD_WORDS = [
    "chronyd version 4.9 starting (+CMDMON +REFCLOCK +RTC +PRIVDROP +SCFILTER -SIGND +NTS +SECHASH +IPV6 -DEBUG)",
    "Disabled control of system clock",
    "Loaded 9 symmetric keys",
    "Loaded seccomp filter (level 2)",
    "Running with root privileges",
    "No ntsdumpdir to save server keys",
    "Initial frequency -23.571 ppm",
    "Using right/UTC timezone to obtain leap second data",
]


@pytest.mark.parametrize(("line", "bad"), [(w, True) for w in BAD_WORDS] + [(w, False) for w in GOOD_WORDS])
def test_which_words_of_a_chronyd_are_a_complaint(line: str, bad: bool) -> None:  # noqa: FBT001 -- of a case
    assert (COMPLAINTS.search(line) is not None) == bad


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
        assert isinstance(rehearsal.reasons, tuple)


def test_who_was_not_asked_did_not_answer() -> None:
    assert asked_in({}) == Asked({})
    assert not Asked({}).answered("plain")


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
    trial = remote.load("rehearse", str(stage), address, "1", library="asking")
    log: list[str] = []
    host = Host(LocalTransport(), log=log.append)
    said = host.run("rehearsing", remote.unprivileged(trial, folder=str(folder / "scratch"), account=ACCOUNT))
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
        ("a plain request is answered: no", "with key 1, the MAC is valid: no"),
        id="rules that let nobody in",
    ),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_a_fault_is_found(change: dict[str, str], words: tuple[str, ...], stage: Path, tmp_path: Path) -> None:
    reasons = rehearse(stage, tmp_path, **change).reasons
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


def test_nothing_of_the_running_daemon_is_touched(stage: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    assert rehearse(stage, tmp_path, conf=CONF + DISTURBING.format(live)).reasons == ()
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


@pytest.mark.parametrize("signal", ["HUP", "TERM", "PIPE"])
def test_no_process_is_left_when_a_rehearsal_is_broken_off(signal: str, stage: Path, tmp_path: Path) -> None:
    # It would wait for five seconds for an answer.
    breaker = f"(sleep 1; kill -{signal} $$) </dev/null >/dev/null 2>&1 &\n"
    (stage / "chrony.conf").write_text(f"{CONF}deny all\n")
    (stage / "chrony.keys").write_text(KEY)
    script = breaker + remote.load("rehearse", str(stage), "127.0.0.1", "0", library="asking")
    output = LocalTransport().execute(remote.unprivileged(script, folder=str(tmp_path / "scratch"), account="0"))
    assert output.status == 1
    assert "==> ask" not in output.stdout, "it went on to the end"
    assert at_work_in(tmp_path) == []


def test_a_rehearsal_leaves_no_process(stage: Path, tmp_path: Path) -> None:
    assert rehearse(stage, tmp_path).ending == "running"
    assert at_work_in(tmp_path) == []


def test_clients_are_few_at_any_number_of_keys(stage: Path, tmp_path: Path) -> None:
    keys = "".join(f"{number} SHA256 HEX:{number:064x}\n" for number in range(1, 301))
    rehearsal = rehearse(stage, tmp_path, keys=keys)
    assert rehearsal.reasons == ()
    tried = [int(name.split()[1]) for name in rehearsal.asked.said if name.startswith("key ")]
    assert len(set(tried)) == 50
    assert {1, 300} < set(tried)
    assert rehearsal.asked.left_out == 250


def test_keys_of_a_sample_are_made_and_thrown_away(build: Path, tmp_path: Path) -> None:
    sample = remote.load("sample_generation", str(build), "allow\n# it's", "7", "AES128", "9", "SHA256")
    trial = remote.load("rehearse", "generation", "", "0", library="asking")
    script = remote.unprivileged(
        f"(\n{sample}\n) || exit 1\n{trial}", folder=str(tmp_path / "scratch"), account=ACCOUNT
    )
    rehearsal = parse_rehearsal(Host(LocalTransport()).run("rehearsing", script))
    assert rehearsal.reasons == ()
    assert {"key 7", "key 9"} < set(rehearsal.asked.said)
    assert (tmp_path / "scratch/generation/chrony.keys").stat().st_mode & 0o777 == 0o600


def test_a_configuration_that_chronyd_refuses_is_not_rehearsed(stage: Path, tmp_path: Path) -> None:
    (stage / "chrony.conf").write_text("nonsense\n")
    trial = remote.load("rehearse", str(stage), "127.0.0.1", "0", library="asking")
    output = LocalTransport().execute(remote.unprivileged(trial, folder=str(tmp_path / "scratch"), account=ACCOUNT))
    assert (output.status, "Invalid directive" in output.last_words) == (1, True)
