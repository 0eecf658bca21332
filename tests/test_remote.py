"""The scripts that run on hosts: POSIX sh, clean under shellcheck, and never put together from values."""

import shutil
import subprocess
from pathlib import Path

import pytest

from provision import remote
from provision.transport.local import LocalTransport

FOLDER = Path(remote.__file__).parent
SCRIPTS = sorted(FOLDER.glob("*.sh"))
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def run(*words: str | Path) -> str:
    """Run a checker and return what it found."""
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr or f"exit status {done.returncode}" * (done.returncode != 0)


@every_script
def test_a_script_says_which_shell_it_is_for_and_what_it_does(script: Path) -> None:
    shell, comment, *_ = script.read_text().splitlines()
    assert shell in {"# shellcheck shell=sh", "#!/bin/sh"}
    assert comment.startswith("# ")


@every_script
@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_shellcheck_finds_nothing(script: Path) -> None:
    assert run("shellcheck", script) == ""


SHELLS = [words for words in (("sh",), ("dash",), ("bash", "--posix"), ("busybox", "sh")) if shutil.which(words[0])]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@every_script
def test_every_shell_can_read_it(script: Path, shell: tuple[str, ...]) -> None:
    assert run(*shell, "-n", script) == ""


@every_script
def test_a_script_can_stand_in_another(script: Path) -> None:
    assert run("sh", "-n", "-c", f"(\n{remote.load(script.stem, 'a b')}\n)\necho") == ""


@every_script
def test_a_script_is_used(script: Path) -> None:
    sources = "".join(path.read_text() for path in FOLDER.parent.rglob("*.py"))
    assert f'"{script.stem}"' in sources


VALUES = ["", " ", "a b", "it's", '"', "$HOME", "`id`", "$(id)", "a\nb", "*", "-n", "\\", "ü", "; exit 3", "#"]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_arguments_and_never_text(value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(remote, "_FOLDER", tmp_path)
    (tmp_path / "show.sh").write_text('for value; do printf "<%s>" "$value"; done\n')
    assert LocalTransport().execute(remote.load("show", "first", value, "last")).stdout == f"<first><{value}><last>"


def test_a_text_is_the_file_as_it_is() -> None:
    assert remote.text("switch") == (FOLDER / "switch.sh").read_text()
    assert remote.load("switch") == f"set -- \n{remote.text('switch')}"
