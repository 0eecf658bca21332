"""How long the script that collects evidence waits for a clock, on a host where each question takes a while."""

import os
import re
import subprocess
from pathlib import Path
from time import monotonic

import pytest

from provision.host import scripts

pytestmark = pytest.mark.slow

NEVER = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised"
SLEWED = "C6124D01,198.18.77.1,2,1795373485.9,-5.0,-5.0,5.0,0.0,0.0,0.5,0.0005,0.0151,2.0,Normal"
GOOD = "C6124D01,198.18.77.1,2,1795373485.9,0.00001,-3599.6,3599.6,0.0,0.0,0.5,0.0005,0.0151,2.0,Normal"
NEW = "C6124D01,198.18.77.1,2,1795373485.9,0.00001,-3599.6,3599.6,0.0,0.0,1000000.0,0.0005,0.0151,2.0,Normal"
SOURCE = "^,*,198.18.77.1,1,4,377,6,-0.000002,-0.000003,0.00002"
SWITCH = """\
#!/bin/sh
echo "$*" >>"${0%/*}/armed"
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a folder like /opt/chrony, with a switch that only notes what it is told."""
    root = tmp_path / "opt"
    (root / "generations/aaaa/build").mkdir(parents=True)
    (root / "current").symlink_to("generations/aaaa")
    executable(root / "switch", SWITCH)
    # A process that runs for as long as the script: this one.
    executable(tmp_path / "bin/systemctl", f"#!/bin/sh\necho MainPID={os.getpid()}\n")
    return root


def run(root: Path, patience: int, generation: str = "", own_clock: str = "no") -> subprocess.CompletedProcess[str]:
    """Collect evidence; with a generation, as its proof."""
    # What these tests are not about is left out: nothing is asked.
    values = dict.fromkeys(re.findall(r'^: "\$\{(\w+)\?', scripts.text("print_evidence"), re.MULTILINE), "")
    values |= {"root": str(root), "patience": str(patience), "max_error": "1.0", "unproven": generation}
    values |= {"seconds": "90" if generation else "", "own_clock": own_clock}
    script = scripts.load_with("print_evidence", values)
    environment = {"PATH": f"{root.parent}/bin:{os.environ['PATH']}"}
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, env=environment)


def collect(
    root: Path,
    tracking: str,
    *,
    patience: int,
    seconds_each: float = 0.0,
    generation: str = "",
    source: str = SOURCE,
    received: int = 1,
    own_clock: str = "no",
) -> float:
    """Collect evidence where chronyc says ``tracking``, each time after some seconds; return how long it took.

    The source has sent ``received`` valid answers since chronyd's start.
    """
    ntpdata = ["198.18.77.1", *["0"] * 26, "No", *["0"] * 4, str(received), "0"]
    answers = {"tracking": tracking, "sources": source, "ntpdata": ",".join(ntpdata)}
    cases = " ".join(f"*{command}) sleep {seconds_each}; echo '{answer}' ;;" for command, answer in answers.items())
    chronyc = f"#!/bin/sh\ncase $* in {cases} esac\n"
    executable(root / "current/build/bin/chronyc", chronyc)
    begun = monotonic()
    done = run(root, patience, generation, own_clock)
    assert "==> finished" in done.stdout, done
    return monotonic() - begun


def test_a_slow_host_does_not_wait_for_longer(root: Path) -> None:
    # By tries it took fifteen times a second: twenty in all.
    assert collect(root, NEVER, patience=3, seconds_each=1.0) < 12


@pytest.mark.parametrize("tracking", [NEVER, SLEWED, NEW], ids=["not synchronised", "being slewed", "skew unknown"])
def test_a_state_that_is_not_good_yet_is_waited_for(root: Path, tracking: str) -> None:
    assert collect(root, tracking, patience=2) > 1


def test_a_good_clock_is_not_waited_for(root: Path) -> None:
    assert collect(root, GOOD, patience=60) < 30


def test_a_source_that_was_selected_by_older_measurements_is_waited_for(root: Path) -> None:
    assert collect(root, GOOD, patience=2, received=0) > 1


OWN = GOOD.replace("C6124D01,198.18.77.1", "7F7F0101,")
UNSELECTED = SOURCE.replace("*", "?")


def test_a_reference_clock_is_not_waited_for(root: Path) -> None:
    source = SOURCE.replace("^", "#").replace("198.18.77.1", "PPS")
    assert collect(root, GOOD, source=source, patience=60, received=0) < 30


def test_a_reference_clock_whose_name_has_commas_is_not_waited_for(root: Path) -> None:
    source = SOURCE.replace("^", "#").replace("198.18.77.1", "A,B,")
    assert collect(root, GOOD.replace("198.18.77.1", "A,B,"), source=source, patience=60, received=0) < 30


def test_its_own_clock_is_not_waited_for_where_no_source_can_be_selected(root: Path) -> None:
    assert collect(root, OWN, source=UNSELECTED, patience=60, received=0, own_clock="yes") < 30


def test_a_source_is_waited_for_while_its_own_clock_is_served(root: Path) -> None:
    assert collect(root, OWN, source=UNSELECTED, patience=2, received=0) > 1


def test_a_look_that_is_not_to_wait_does_not(root: Path) -> None:
    assert collect(root, NEVER, patience=0) < 30


def armed(root: Path) -> list[str]:
    path = root / "armed"
    return path.read_text().splitlines() if path.exists() else []


def test_a_proof_has_its_whole_time_after_the_wait_too(root: Path) -> None:
    collect(root, NEVER, patience=4, generation="aaaa")
    assert armed(root) == ["--wait aaaa 90"] * 2


def test_a_proof_that_need_not_wait_arms_once(root: Path) -> None:
    collect(root, GOOD, patience=60, generation="aaaa")
    assert armed(root) == ["--wait aaaa 90"]


def test_a_look_arms_nothing(root: Path) -> None:
    collect(root, GOOD, patience=0)
    assert armed(root) == []


def test_a_host_that_has_gone_back_is_not_looked_at(root: Path) -> None:
    executable(root / "switch", "#!/bin/sh\necho 'aaaa does not wait to be confirmed: bbbb runs' >&2\nexit 1\n")
    executable(root / "current/build/bin/chronyc", "#!/bin/sh\n")
    done = run(root, 0, "aaaa")
    assert (done.returncode, done.stderr) == (1, "aaaa does not wait to be confirmed: bbbb runs\n")
