"""The task that rotates the keys of cookies: the order of its steps, and what an interruption leaves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from provision.cli.command import Command
from provision.cli.key_options import RotateNtsOptions
from provision.cli.rotate_nts import RotatingNts
from provision.common.errors import NotRecorded, SiteError, UsageError
from provision.host.target import parse_target
from provision.keys.nts_keys import ServerKeys, make_server_keys, parse_server_keys
from provision.keys.source import KeyFile
from provision.output.report import Report
from provision.verify.checks.nts_requests import SHARED
from tests.helpers.command_secrets import make_secrets

TODAY = date(2026, 11, 28)
KEYS = replace(make_server_keys(TODAY), begun=None)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    path = tmp_path / "nts.keys"
    path.touch(mode=0o600)
    path.write_text(KEYS.own_text())
    return KeyFile(path)


def read(file: KeyFile) -> ServerKeys:
    return parse_server_keys(file.path.read_text(), "nts.keys")


def rotate(file: KeyFile, *, yes: bool = True, preview: bool = False) -> int:
    options = RotateNtsOptions(yes=yes, preview=preview)
    return RotatingNts(file, ("ntp1", "ntp2"), options, make_secrets()).run(today=TODAY)


Deployments = list[ServerKeys]


@pytest.fixture
def deployed(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> Deployments:
    """Note the keys of each deployment, which succeeds."""
    return deploying(file, monkeypatch, lambda _: True)


def deploying(file: KeyFile, monkeypatch: pytest.MonkeyPatch, holds: Callable[[int], bool | None]) -> Deployments:
    """Let deployments have the finding that ``holds`` says for their number."""
    found: Deployments = []

    def run(_: Command, options: RotateNtsOptions, *__: Any) -> list[Report]:
        assert options.host == ("ntp1", "ntp2")
        found.append(read(file))
        finding = SHARED.finding(holds=holds(len(found)), seen="", vital=False)
        return [Report(host=parse_target(name), findings=[finding], tried=True) for name in options.host]

    monkeypatch.setattr(Command, "run", run)
    return found


def test_all_servers_have_the_present_keys_before_they_get_the_next_ones(file: KeyFile, deployed: Deployments) -> None:
    assert rotate(file) == 0
    before, after = deployed
    assert (before, after.begun) == (KEYS, TODAY)
    assert after.keys[:3] == KEYS.keys[1:]
    assert read(file) == replace(after, begun=None)


@pytest.mark.usefixtures("deployed")
def test_the_comments_of_the_file_stay(file: KeyFile) -> None:
    file.path.write_text(f"{KEYS.own_text()}# for the servers of the park\n")
    assert rotate(file) == 0
    assert file.path.read_text().splitlines()[6:] == ["# for the servers of the park"]


def test_an_interrupted_rotation_is_continued_and_no_other_begun(file: KeyFile, deployed: Deployments) -> None:
    begun = KEYS.rotated(TODAY)
    file.path.write_text(begun.own_text())
    assert rotate(file) == 0
    assert deployed == [begun]
    assert read(file) == replace(begun, begun=None)


def test_without_a_file_it_is_made(file: KeyFile, deployed: Deployments) -> None:
    file.path.unlink()
    assert rotate(file) == 0
    (made,) = deployed
    assert read(file) == replace(made, begun=None)
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("holds", [False, None])
def test_a_server_that_is_not_proven_ends_it(
    holds: bool | None,  # noqa: FBT001 -- a parameter of a case
    file: KeyFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploying(file, monkeypatch, lambda _: holds)
    assert rotate(file) == 1
    assert read(file) == KEYS
    assert "the rotation was not begun; run the same command again to continue" in capsys.readouterr().out


def test_what_is_not_proven_after_the_change_stays_begun(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying(file, monkeypatch, lambda number: number == 1 or None)
    assert rotate(file) == 1
    assert read(file).begun == TODAY
    said = capsys.readouterr().out
    assert "not seen to use the keys, from this machine: ntp1, ntp2" in said
    assert "the rotation is not done; run the same command again to continue" in said


def test_a_file_that_is_changed_meanwhile_is_left_alone(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    other = KEYS.rotated(TODAY)

    def change(number: int) -> bool:
        file.path.write_text(other.own_text())
        return bool(number)

    deploying(file, monkeypatch, change)
    with pytest.raises(SiteError, match="was changed meanwhile by another run or by hand"):
        rotate(file)
    assert read(file) == other


def test_a_file_that_is_changed_at_the_end_is_told(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(number: int) -> bool:
        if number == 2:
            file.path.write_text(KEYS.own_text())
        return True

    deploying(file, monkeypatch, change)
    with pytest.raises(NotRecorded, match=r"the servers have the keys, and .* was changed meanwhile"):
        rotate(file)


def test_the_plan_names_keys_and_servers_and_shows_no_secret(
    file: KeyFile, deployed: Deployments, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rotate(file, preview=True) == 0
    said = capsys.readouterr().out
    names = [key.name for key in KEYS.keys]
    assert f"key {names[3]}, the next one, becomes the current one in place of key {names[2]}" in said
    assert f"key {names[0]} is removed" in said
    assert "deploy ntp1, ntp2: they make cookies with key" in said
    assert not any(key.secret.hex().upper() in said for key in KEYS.keys)
    assert (deployed, read(file)) == ([], KEYS)


def test_nothing_happens_unless_it_is_wanted(file: KeyFile, deployed: Deployments) -> None:
    with pytest.raises(UsageError, match=r"keys\.rotate-nts asks before it goes on"):
        rotate(file, yes=False)
    assert (deployed, read(file)) == ([], KEYS)


def test_a_file_that_others_may_read_is_refused(file: KeyFile) -> None:
    file.path.chmod(0o644)
    with pytest.raises(SiteError, match="others than its owner may use it"):
        rotate(file)
