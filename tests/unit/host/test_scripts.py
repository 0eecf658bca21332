"""The scripts that run on hosts: POSIX sh, clean under shellcheck, and never put together from values."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import provision
from provision.host import scripts
from provision.host.transport.local import LocalTransport
from tests.helpers.shell_functions import assigned_outside, functions, read_outside

SHELLCHECK = Path(sys.executable).with_name("shellcheck")
"""That of the extra "test": PATH need not have it."""
FOLDER = Path(scripts.__file__).parent
NEEDS = re.compile(r"(?m)^# needs: (.*)$")
SCRIPTS = sorted(FOLDER.rglob("*.sh"))
WHOLE = [script for script in SCRIPTS if script.parent.name != "switch"]
"""All but the parts of the script ``switch``, which use each other's variables."""


WITH_FUNCTIONS = {script.stem: script.read_text() for script in WHOLE} | {"switch": scripts.switch()}


def run(*words: str | Path) -> str:
    """Run a checker and return what it found."""
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr or f"exit status {done.returncode}" * (done.returncode != 0)


def test_a_script_names_its_shell_and_its_purpose() -> None:
    for script in SCRIPTS:
        shell, comment, *_ = script.read_text().splitlines()
        assert shell in {"# shellcheck shell=dash", "#!/bin/sh"}, script
        assert comment.startswith("# "), script


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.write_text(scripts.switch())
    assert run(SHELLCHECK, *WHOLE, switch) == ""


SHELLS = [words for words in (("sh",), ("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(words[0])]
READ_EACH = 'for script; do $shell -n "$script" 2>&1 || echo "$script: $shell cannot read it"; done'
"""One shell starts the others: a test for each script would take most of its time to start one."""


def unread(shell: tuple[str, ...], files: Iterable[Path]) -> str:
    """Return what a shell says of scripts that it cannot read."""
    return run("sh", "-c", f"shell='{' '.join(shell)}'; {READ_EACH}", "sh", *files)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_can_read_every_script(shell: tuple[str, ...]) -> None:
    assert unread(shell, SCRIPTS) == ""


def test_a_script_that_a_shell_cannot_read_is_found(tmp_path: Path) -> None:
    names = ("a", "b c", "d")
    for name, text in zip(names, ("echo\n", "if\n", "echo 'x\n"), strict=True):
        (tmp_path / name).write_text(text)
    said = unread(("sh",), [tmp_path / name for name in names])
    assert f"{tmp_path}/a" not in said
    assert f"{tmp_path}/b c: sh cannot read it\n" in said
    assert f"{tmp_path}/d: sh cannot read it\n" in said


def test_a_script_can_stand_in_another(tmp_path: Path) -> None:
    for script in SCRIPTS:
        (tmp_path / script.stem).write_text(f"(\n{scripts.load(script.stem, 'a b')}\n)\necho")
    assert unread(("sh",), sorted(tmp_path.iterdir())) == ""


def test_every_script_is_used() -> None:
    sources = "".join(path.read_text() for path in Path(provision.__file__).parent.rglob("*.py"))
    needed = " ".join(names for other in SCRIPTS for names in NEEDS.findall(other.read_text())).split()
    # In a string of a string, a name stands in single quotes.
    quoted = set(re.findall(r"""["'](\w+)["']""", sources))
    used = {script.stem for script in SCRIPTS} & quoted
    assert {script.stem for script in SCRIPTS} - used - set(needed) == set()


def undeclared(script: str) -> list[str]:
    """Return the variables that functions of a script share with each other or with the script in silence."""
    found = []
    parts = functions(script)
    shared = {name for part in parts for name in part.assigned - part.local}
    declared = {name for part in parts for name in part.reads_declared | part.sets_declared}
    constants = assigned_outside(script) - shared
    for part in parts:
        foreign = part.read - part.local - part.assigned - constants - part.reads_declared
        found += [f"{part.name} reads {name}, of which its comment says nothing" for name in foreign]
        found += [
            f"{part.name} sets {name}, which is not local" for name in part.assigned - part.local - part.sets_declared
        ]
        found += [
            f"{part.name} hides the {name} of the script" for name in part.local & (assigned_outside(script) | declared)
        ]
        found += [f"{part.name} does not use {name}" for name in part.unused]
    private = {name for part in parts for name in part.local} - shared - constants
    found += [f"the script reads {name}, which is local in a function" for name in read_outside(script) & private]
    return sorted(found)


@pytest.mark.parametrize("script", WITH_FUNCTIONS.values(), ids=WITH_FUNCTIONS)
def test_functions_share_no_variable_in_silence(script: str) -> None:
    assert undeclared(script) == []


SHARING = [
    pytest.param("f() {\n    local a\n    a=1\n    echo $a\n}\n", [], id="a local variable"),
    pytest.param("a=1\nf() {\n    echo $a\n}\n", [], id="a constant of the script"),
    pytest.param("f() {\n    a=1\n}\n", ["f sets a, which is not local"], id="a global variable"),
    pytest.param("f() {\n    for a in 1; do :; done\n}\n", ["f sets a, which is not local"], id="a loop"),
    pytest.param("f() {\n    x | while read -r a _; do :; done\n}\n", ["f sets a, which is not local"], id="read"),
    pytest.param(
        "# Sets: a\nf() {\n    a=1\n}\ng() {\n    echo ${a:-}\n}\n",
        ["g reads a, of which its comment says nothing"],
        id="a reader of another function's variable",
    ),
    pytest.param("# Sets: a\nf() {\n    a=1\n}\n# Reads: a\ng() {\n    echo $((a + 1))\n}\n", [], id="both declare it"),
    pytest.param(
        "f() {\n    local a\n    a=1\n    g\n}\ng() {\n    echo $a\n}\n",
        ["g reads a, of which its comment says nothing"],
        id="a local variable of the caller",
    ),
    pytest.param("a=1\nf() {\n    local a\n    a=2\n}\n", ["f hides the a of the script"], id="a hidden constant"),
    pytest.param(
        "f() {\n    local a\n    a=2\n}\nf\necho $a\n",
        ["the script reads a, which is local in a function"],
        id="a local variable outside of its function",
    ),
    pytest.param("# Reads: a\nf() {\n    echo\n}\n", ["f does not use a"], id="a declaration of nothing"),
    pytest.param("f() {\n    awk '{ a = $b; c=1 }'\n}\n", [], id="a program of awk"),
]


@pytest.mark.parametrize(("script", "found"), SHARING)
def test_a_variable_that_is_shared_in_silence_is_found(script: str, found: list[str]) -> None:
    assert undeclared(script) == found


VALUES = ["", " ", "a b", "it's", '"', "$HOME", "`id`", "$(id)", "a\nb", "*", "-n", "\\", "ü", "; exit 3", "#"]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_arguments_and_never_text(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scripts, "_FOLDER", tmp_path)
    (tmp_path / "show.sh").write_text('for value; do printf "<%s>" "$value"; done\n')
    assert LocalTransport().execute(scripts.load("show", "first", value, "last")).stdout == f"<first><{value}><last>"


def test_a_text_is_the_file_as_it_is() -> None:
    assert scripts.text("purge") == (FOLDER / "change/purge.sh").read_text()


def test_functions_stand_before_the_script_that_calls_them() -> None:
    names = ("time_processes", "conflicting_services", "missing_folders")
    before = "".join(scripts.code(name) for name in names)
    assert scripts.load("look_conflicts", "/x") == f"{before}set -- /x\n{scripts.code('look_conflicts')}"


def test_a_script_is_sent_without_its_lines_of_comments() -> None:
    sent = scripts.load("purge")
    lines = [line for line in (FOLDER / "change/purge.sh").read_text().splitlines() if not line.strip().startswith("#")]
    assert sent == "\n".join(("set -- ", *lines, ""))


def test_a_script_that_stays_on_a_host_has_its_comments() -> None:
    kept = scripts.kept_with("write_metrics", {"root": "/opt/chrony"})
    assert kept.startswith("root=/opt/chrony\n")
    assert kept.endswith(scripts.text("write_metrics"))


def test_names_are_unique() -> None:
    names = [script.stem for script in SCRIPTS]
    assert len(names) == len(set(names))
