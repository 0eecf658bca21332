"""The metrics that a host writes are those that this machine makes of the same answers of chronyc."""

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from provision.deploy.deploy import deploy
from provision.deploy.phases import metrics_script
from provision.deploy.status import status
from provision.output.metric_names import HELP, on_host
from provision.output.metrics import metrics_text
from tests.helpers.samples import CASES
from tests.unit.deploy.conftest import Operator

Answers = Mapping[str, str]
"""The answer of chronyc by its command; "names" is "sources" with the names of chrony.conf."""
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def sample(name: str) -> str:
    return (CASES / f"chronyc/{name}.txt").read_text()


def section(name: str) -> str:
    text = (CASES / "evidence/server.txt").read_text()
    return text.partition(f"==> {name}\n")[2].partition("==> ")[0]


SERVER = {name: section(name) for name in ("tracking", "sources", "authdata", "ntpdata")} | {
    "names": section("sources").replace("198.19.0.2", "ntp.example.net"),
    "sourcestats": "198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005\n",
    "serverstats": "120,3,40,1,2,5,6,110,7,8,9,10,11,12,13,14,15\n",
}
NOTHING = dict.fromkeys(("sources", "authdata", "ntpdata", "names", "sourcestats"), "")
KEYS = SERVER | {
    "sources": "^,+,198.19.0.8,2,6,376,64,0.000002048,0.000002048,0.000041718\n"
    "^,*,198.19.0.9,2,6,177,64,-0.000004286,-0.000004286,0.000051195\n",
    "names": "^,+,198.19.0.8,2,6,376,64,0.000002048,0.000002048,0.000041718\n"
    "^,*,ntp2,2,6,177,64,-0.000004286,-0.000004286,0.000051195\n",
    "authdata": sample("authdata-keys-4.9"),
    "ntpdata": sample("ntpdata-keys-4.9").replace("1111,No,Yes", "1111,No,No", 1),
    "sourcestats": "198.19.0.8,1,1,0,0.000,2000.000,0.000000000,0.000004000\n198.19.0.9,0,0,0,0.0,0.0,0.0,0.0\n",
}
STATES = "".join(
    f"{mode},{state},{address},{stratum},{poll},{reach},{age},-0.000001,0.000002,0.000003\n"
    for mode, state, address, stratum, poll, reach, age in [
        ("#", "-", "PPS", 0, -4, "377", 1),
        ("#", "-", "PPS", 0, -4, "377", 1),
        ("=", "x", "2001:db8::7", 15, 0, "0", 90),
        ("^", "~", "192.0.2.1", 3, 24, "1", 4),
        ("^", "?", "192.0.2.2", 0, 6, "52", 4294967295),
        ("^", "+", "192.0.2.3", 1, 10, "200", 4),
    ]
)
NTS = "192.0.2.3,NTS,1,15,256,3600,0,0,8,100\n192.0.2.1,-,0,0,0,4294967295,0,0,0,0\n"
ANSWERED = section("ntpdata")
OTHERS = SERVER | {
    "sources": STATES,
    "names": STATES.replace("192.0.2.1", "a.example.net"),
    "authdata": NTS,
    "ntpdata": "".join(ANSWERED.replace("198.19.0.2", address, 1) for address in ("192.0.2.1", "192.0.2.3")),
}
RECORDED: dict[str, Answers] = {
    "server": SERVER,
    "a source without a name of its own": SERVER | {"names": ""},
    "before 4.4": SERVER | {"serverstats": "120,3,40,1,2,5,6,110,7,8,9\n"},
    "before 4.2": SERVER | {"serverstats": "120,3,40,1,2,5,6,110\n"},
    "keys": KEYS,
    "reference clocks, a peer, NTS and every state": OTHERS,
    "reference clocks of one name, with commas": OTHERS
    | {
        "tracking": SERVER["tracking"].replace(",198.19.0.2,", ",A,B,,", 1),
        "sources": STATES.replace("PPS", "A,B,"),
        "names": STATES.replace("PPS", "A,B,"),
        "sourcestats": "A,B,,6,3,74,-0.512,1.5,-0.000003,0.000005\nA,B,,9,4,75,-0.5,1.25,-0.000004,0.000006\n",
    },
    "its own clock": SERVER | NOTHING | {"tracking": sample("tracking-local-4.9")},
    "no clock": SERVER | NOTHING | {"tracking": sample("tracking-alone-4.9")},
    "a source that never answered": SERVER | {name: sample("sources-4.9") for name in ("sources", "names")},
    "a source that has not answered this chronyd": SERVER
    | {"ntpdata": SERVER["ntpdata"].replace(",24,24,24,24,24,24,", ",24,24,0,0,0,0,")},
    "counters that it may not tell": SERVER | {"serverstats": "501 Not authorised\n"},
    "down": dict.fromkeys(SERVER, "506 Cannot talk to daemon\n"),
}
"""Real answers, those of other states with the values of real ones."""

CHRONYC = """#!/bin/sh
[ "$1 $2 $3" = "-h /run/chrony/chronyd.sock -c" ] || exit 9
name=$5
[ "$4" = -n ] || name=names
cat "${0%/*}/$name"
! grep -q '^50[16] ' "${0%/*}/$name"
"""
AWKS = [words for words in ("mawk", "gawk", "original-awk", "busybox") if shutil.which(words)]
SHELLS = [words for words in (("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(words[0])]


def write(folder: Path, answers: Answers, *, conf: str = "", shell: tuple[str, ...] = ("sh",), awk: str = "") -> str:
    """Run the script for a chronyc with these answers, and return what it wrote."""
    program = folder / "current/build/bin"
    program.mkdir(parents=True, exist_ok=True)
    (folder / "current/chrony.conf").write_text(conf)
    (program / "chronyc").write_text(CHRONYC)
    (program / "chronyc").chmod(0o755)
    for name, text in answers.items():
        (program / name).write_bytes(text.encode("latin-1"))
    (folder / "path").mkdir(exist_ok=True)
    if awk:
        (folder / "path/awk").unlink(missing_ok=True)
        (folder / "path/awk").symlink_to(shutil.which(awk) or "")
    path = f"{folder}/path:{os.environ['PATH']}"
    file = folder / "chrony.prom"
    script = metrics_script(str(folder), str(file))
    assert run(script, path, shell) == (0, "")
    return file.read_text("ascii")


def run(script: str, path: str, shell: tuple[str, ...] = ("sh",)) -> tuple[int, str]:
    """Run a script with this PATH; return its status, and what it printed."""
    words = [*shell, "-c", script]
    done = subprocess.run(words, check=False, env={"PATH": path}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def values(text: str) -> Values:
    """Return the values by name and labels, without the label of the host; none is there twice."""
    found: Values = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            identity = (one.name, frozenset(item for item in one.labels.items() if item[0] != "host"))
            assert identity not in found
            found[identity] = one.value
    return found


def made_here(operator: Operator, answers: Answers, conf: str = "") -> Values:
    """Return the values that this machine makes of the answers, without those that chronyc does not tell."""
    sections = "".join(f"==> {name}\n{text}" for name, text in answers.items())
    operator.host.answers["print_status"] = (
        f"==> generation\naaaa\n==> executable\n/x\n==> unconfirmed\n==> chrony.conf\n{conf}==> key ids\n"
        f"{sections}==> finished\n"
    )
    report = operator.run(status)
    assert report.status is not None, report.error
    told = values(metrics_text([report], complete=True, at=datetime.now(UTC)))
    here = {line.split()[0] for line in on_host().splitlines()}
    return {identity: value for identity, value in told.items() if identity[0] in here}


@pytest.fixture
def deployed(operator: Operator) -> Operator:
    assert operator.run(deploy).ok
    return operator


@pytest.mark.parametrize("answers", RECORDED.values(), ids=RECORDED)
def test_a_host_writes_the_metrics_that_this_machine_makes_of_the_same_answers(
    deployed: Operator, answers: Answers, tmp_path: Path
) -> None:
    written = values(write(tmp_path, answers))
    expected = made_here(deployed, answers)
    assert written.keys() == expected.keys()
    assert written == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_every_metric_that_a_host_can_write_was_compared(tmp_path: Path) -> None:
    names = {name for answers in RECORDED.values() for name, _ in values(write(tmp_path, answers))}
    assert names == {line.split()[0] for line in on_host().splitlines()}


def test_a_client_counts_no_requests(deployed: Operator, tmp_path: Path) -> None:
    conf = "pool x\nport 0\ncmdport 0\n"
    written = values(write(tmp_path, SERVER, conf=conf))
    assert written == pytest.approx(made_here(deployed, SERVER, conf))
    assert not any("serverstats" in name for name, _ in written)


def test_a_chronyd_that_is_down_has_no_value_of_another_time(tmp_path: Path) -> None:
    write(tmp_path, SERVER)
    text = write(tmp_path, RECORDED["down"])
    assert text == f"# HELP chrony_up {HELP['chrony_up']}\n# TYPE chrony_up gauge\nchrony_up 0\n"
    shutil.rmtree(tmp_path / "current/build")
    script = metrics_script(str(tmp_path), f"{tmp_path}/chrony.prom")
    assert run(script, os.environ["PATH"]) == (0, "")
    assert (tmp_path / "chrony.prom").read_text() == text


def test_a_file_that_cannot_be_written_leaves_none_of_another_time(tmp_path: Path) -> None:
    write(tmp_path, SERVER)
    (tmp_path / "path/awk").write_text("#!/bin/sh\necho chrony_up 1\nexit 2\n")
    (tmp_path / "path/awk").chmod(0o755)
    script = metrics_script(str(tmp_path), f"{tmp_path}/chrony.prom")
    assert run(script, f"{tmp_path}/path:{os.environ['PATH']}") == (1, "")
    assert list(tmp_path.glob("chrony.prom*")) == []


HOSTILE = [
    'q"} 1',
    "back\\slash",
    "\\",
    '"',
    "\x1b[31m",
    "\xe9\xff",
    "#",
    "{}",
    "a=b",
    "$1",
    "%s%n",
    "&",
    "==> tracking",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_name_of_a_source_can_spoil_the_file(text: str, tmp_path: Path) -> None:
    answers = SERVER | {"sources": SERVER["sources"].replace("198.19.0.2", text)}
    answers["names"] = answers["sources"]
    answers["tracking"] = SERVER["tracking"].replace("198.19.0.2", text).replace("Normal", "Insert second")
    seen = values(write(tmp_path, answers))
    assert seen["chrony_up", frozenset()] == 1
    names = {dict(labels)["source_name"] for name, labels in seen if name == "chrony_sources_stratum"}
    assert names == {"".join(char if " " <= char <= "~" else "?" for char in text)}


BROKEN = ["nan", "inf", "-", "", "1e5", "0x1", "1_000", "1 2", ",", "9" * 400, "-" + "9" * 60, "\n", "--1", "1,2,3"]


@pytest.mark.parametrize("value", BROKEN)
def test_a_value_that_is_no_number_is_left_out(value: str, tmp_path: Path) -> None:
    answers = {name: text.replace("0.000", value) for name, text in SERVER.items()}
    answers["serverstats"] = SERVER["serverstats"].replace("40", value)
    seen = values(write(tmp_path, answers))
    assert all(math.isfinite(number) for number in seen.values())
    assert ("chrony_up", frozenset()) in seen


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_and_every_awk_write_the_same(shell: tuple[str, ...], awk: str, tmp_path: Path) -> None:
    hostile = OTHERS | {"names": STATES.replace("192.0.2.1", 'q"\\\xe9')}
    for answers in (KEYS, hostile, RECORDED["down"]):
        assert write(tmp_path, answers, shell=shell, awk=awk) == write(tmp_path, answers, awk=AWKS[0])


@pytest.mark.parametrize(("poll", "reach"), [("999999999", "377"), ("6", "9"), ("6", "777"), ("x", "1"), ("", "")])
def test_a_source_with_values_that_cannot_be_has_none(poll: str, reach: str, tmp_path: Path) -> None:
    sources = SERVER["sources"].replace(",2,377,", f",{poll},{reach},")
    assert not any("sources_" in name for name, _ in values(write(tmp_path, SERVER | {"sources": sources})))
