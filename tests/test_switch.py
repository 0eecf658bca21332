"""The script that switches generations, and the one that removes old ones, as far as they go without a host."""

import subprocess
from pathlib import Path

import pytest

from provision import remote
from provision.host import Host
from provision.transport.local import LocalTransport

GENERATIONS = ("aaaa", "bbbb", "cccc", "dddd", "eeee")


@pytest.mark.parametrize("words", [[], ["no-such-generation"], ["../../etc"], [".hidden"], ["--nonsense"]])
def test_a_generation_that_is_not_there_changes_nothing(words: list[str]) -> None:
    existed = Path("/opt/chrony").exists()
    done = subprocess.run(["sh", "-c", remote.switch(), "switch", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "generations:" in done.stderr
    assert Path("/opt/chrony").exists() == existed


def test_its_head_says_how_to_use_it(tmp_path: Path) -> None:
    (tmp_path / "generations/aaaa").mkdir(parents=True)
    script = remote.switch().replace("root=/opt/chrony", f"root={tmp_path}")
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
        "--stop-others",
    ]
    assert last == "generations: aaaa "


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
    Host(LocalTransport()).run("pruning", remote.load("prune", str(root), str(keep)))
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
        host.run("noting", remote.load("made", str(tmp_path / "opt"), line))
    assert (tmp_path / "opt/made").read_text() == "account _chrony\npackages gcc make\n"


def test_what_of_ours_is_in_charge_is_seen(tmp_path: Path) -> None:
    host = Host(LocalTransport())
    unit, link, other = tmp_path / "chronyd.service", tmp_path / "chronyc", tmp_path / "chronyd"
    look = remote.load("look_restored", str(tmp_path / "opt"), str(unit), str(link), str(other))
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
