"""The script that switches generations, and the one that removes old ones, as far as they go without a host."""

import subprocess
from pathlib import Path

import pytest

from provision.host import scripts
from provision.host.host import Host
from provision.host.transport.local import LocalTransport

GENERATIONS = ("aaaa", "bbbb", "cccc", "dddd", "eeee")


@pytest.mark.parametrize("words", [[], ["no-such-generation"], ["../../etc"], [".hidden"], ["--nonsense"]])
def test_a_generation_that_is_not_there_changes_nothing(words: list[str]) -> None:
    existed = Path("/opt/chrony").exists()
    done = subprocess.run(["sh", "-c", scripts.switch(), "switch", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "generations:" in done.stderr
    if words == ["no-such-generation"]:
        assert done.stderr.startswith("there is no generation no-such-generation\n")
    assert Path("/opt/chrony").exists() == existed


def test_its_head_says_how_to_use_it(tmp_path: Path) -> None:
    (tmp_path / "generations/aaaa").mkdir(parents=True)
    script = scripts.switch().replace("root=/opt/chrony", f"root={tmp_path}")
    (tmp_path / "switch").write_text(script)
    done = subprocess.run(["sh", tmp_path / "switch"], capture_output=True, text=True, check=False)
    *lines, last = done.stderr.splitlines()
    assert [line.split()[1] for line in lines] == [
        "GENERATION",
        "GENERATION",
        "--wait",
        "--confirm",
        "--back",
        "--before",
        "--stop-conflicts",
    ]
    assert last == "generations: aaaa "


EXITING = "Adjustment of 0.002 seconds exceeds the allowed maximum of 0.001 seconds (exiting)"
IGNORED = EXITING.replace("exiting", "ignored")
KILLED = "chronyd.service: Main process exited, code=killed, status=11/SEGV"
EXITED = "chronyd.service: Main process exited, code=exited, status=1/FAILURE"
REASONS = [
    pytest.param([IGNORED, EXITING, "chronyd exiting", "chronyd.service: Succeeded."], EXITING, id="maxchange"),
    pytest.param(["Fatal error : Could not open x", EXITED], "Fatal error : Could not open x", id="its own words"),
    pytest.param(["chronyd version 4.9 starting", KILLED], KILLED, id="killed"),
    pytest.param(["chronyd version 4.9 starting", EXITED], EXITED, id="exited without a word"),
    pytest.param([IGNORED, "chronyd exiting"], "see journalctl -u chronyd", id="nothing is known"),
]


FAKES = """\
set -eu
journalctl() { cat "LOG"; }
unit_property() { echo ACTIVE; }
current_generation() { echo aaaa; }
reason_of_end() { echo killed; }
"""


def run_function(name: str, *words: str, active: str = "failed", log: str = "/dev/null") -> str:
    """Run one function of the switch beside a systemd that shows this state and this journal."""
    _, head, rest = scripts.switch().partition(f"\n{name}() {{")
    fakes = FAKES.replace("ACTIVE", active).replace("LOG", log)
    script = f"{fakes}{head}{rest.partition(chr(10) + '}')[0]}\n}}\n{name} {' '.join(words)}"
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("log", "words"), REASONS)
def test_the_reason_is_chronyds_own_where_it_gives_one(tmp_path: Path, log: list[str], words: str) -> None:
    journal = tmp_path / "log"
    journal.write_text("".join(f"{line}\n" for line in log))
    assert run_function("reason_of_end", log=str(journal)) == words


@pytest.mark.parametrize(
    ("generation", "active", "words"),
    [
        ("aaaa", "failed", "; chronyd of generation aaaa ended: killed"),
        ("aaaa", "activating", "; chronyd of generation aaaa ended: killed"),
        ("aaaa", "active", ""),
        ("bbbb", "failed", ""),
    ],
)
def test_only_a_daemon_that_ended_has_a_reason(generation: str, active: str, words: str) -> None:
    assert run_function("describe_end", generation, active=active) == words


def opt(folder: Path, current: str, *history: str) -> Path:
    """Make a folder like /opt/chrony, in which each two generations share a build."""
    for number, name in enumerate(GENERATIONS):
        build = folder / "builds" / f"build-{number // 2}"
        build.mkdir(parents=True, exist_ok=True)
        (folder / "generations" / name).mkdir(parents=True)
        (folder / "generations" / name / "build").symlink_to(f"../../builds/{build.name}")
    (folder / "current").symlink_to(f"generations/{current}")
    (folder / "history").write_text("".join(f"now me {line} - -\n" for line in history))
    return folder


def prune(root: Path, keep: int) -> str:
    Host(LocalTransport()).run("pruning", scripts.load("prune", str(root), str(keep)))
    names = "".join(sorted(path.name[0] for path in (root / "generations").iterdir()))
    builds = "".join(sorted(path.name[-1] for path in (root / "builds").iterdir()))
    return f"{names} {builds}"


RAN = [f"{name} {outcome}" for name in GENERATIONS for outcome in ("active", "confirmed")]
PRUNED = [
    pytest.param(3, "eeee", RAN, "cde 12", id="the last three"),
    pytest.param(2, "eeee", RAN, "de 12", id="the last two"),
    pytest.param(0, "eeee", RAN, "de 12", id="never the current one and the one before"),
    pytest.param(100, "eeee", RAN, "abcde 012", id="all"),
    pytest.param(3, "bbbb", [*RAN, "bbbb active", "bbbb confirmed"], "bde 012", id="after going back"),
    pytest.param(2, "aaaa", [*RAN, "eeee not-confirmed", "aaaa active"], "ad 01", id="not what was not proven"),
    pytest.param(2, "aaaa", ["aaaa active"], "a 0", id="not what never ran"),
]


@pytest.mark.parametrize(("keep", "current", "history", "left"), PRUNED)
def test_old_generations_and_their_builds_are_removed(
    keep: int, current: str, history: list[str], left: str, tmp_path: Path
) -> None:
    assert prune(opt(tmp_path, current, *history), keep) == left


def test_nothing_is_removed_while_a_timer_may_need_it(tmp_path: Path) -> None:
    root = opt(tmp_path, "eeee", *RAN)
    (root / "unconfirmed").write_text("generation=eeee\nfallback=aaaa\n")
    assert prune(root, 2) == "abcde 012"


def test_what_was_made_is_noted_once(tmp_path: Path) -> None:
    host = Host(LocalTransport())
    for line in ("account _chrony", "packages gcc make", "account _chrony"):
        host.run("noting", scripts.load("record_made", str(tmp_path / "opt"), line))
    assert (tmp_path / "opt/made").read_text() == "account _chrony\npackages gcc make\n"


def test_the_running_generation_is_recognised(tmp_path: Path) -> None:
    host = Host(LocalTransport())
    unit, link, other = tmp_path / "chronyd.service", tmp_path / "chronyc", tmp_path / "chronyd"
    look = scripts.load("look_restored", str(tmp_path / "opt"), str(unit), str(link), str(other))
    unit.symlink_to("/lib/systemd/system/chrony.service")
    other.symlink_to("/usr/sbin/chronyd")
    assert host.ask(look) == ""
    unit.unlink()
    unit.write_text("[Service]\nExecStart=/usr/sbin/chronyd\n")
    assert host.ask(look) == ""
    unit.write_text("[Service]\nEnvironment=CHRONY_GENERATION=aaaa\n")
    (tmp_path / "opt/before").mkdir(parents=True)
    (tmp_path / "opt/current").symlink_to("generations/aaaa")
    link.symlink_to(f"{tmp_path}/opt/current/build/bin/chronyc")
    assert host.ask(look).split() == list(map(str, (unit, tmp_path / "opt/current", tmp_path / "opt/before", link)))


def functions(root: Path, *stubs: str) -> str:
    """Return the functions of the script, with a folder of its own, and other functions in place of some of them."""
    head, _, _ = scripts.switch().replace("root=/opt/chrony", f"root={root}").partition("\ncase ${1-} in\n")
    return "\n".join((head, *stubs, ""))


def sh(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


def test_what_kept_time_before_comes_back_where_the_only_generation_fails(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/services").write_text("ntpsec.service active enabled\n")
    stubs = (
        "unit_property() { case $1 in LoadState) echo loaded ;; *) echo active ;; esac; }",
        "restore_previous_services() { echo left; }",
        "record_history_once() { :; }",
        "is_shutting_down() { return 1; }",
        "sleep() { :; }",
        "start_failed=''",
    )
    done = sh(functions(tmp_path, *stubs) + 'go_back aaaa aaaa; echo "$return_message"')
    assert done.stdout == "left\nactive again: ntpsec.service\n", done


def test_a_service_that_was_purged_is_not_said_to_run_again(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    (tmp_path / "before/services").write_text("ntpsec.service active enabled\n")
    stubs = (
        "unit_property() { case $1 in LoadState) echo not-found ;; *) echo inactive ;; esac; }",
        "restore_previous_services() { :; }",
        "record_history_once() { :; }",
        "sleep() { :; }",
        "start_failed=''",
    )
    script = functions(tmp_path, *stubs)
    done = sh(f'{script}go_back before aaaa; echo "$return_message"')
    assert "active again" not in done.stdout
    assert "no time service" in done.stdout
    assert sh(f"{script}had_previous_service").returncode == 1
