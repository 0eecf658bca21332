"""Keys that a command prints: it is run once, and no secret gets out."""

import time
import traceback
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.keys import source
from provision.keys.ledger import Addition
from provision.keys.reader import KeyReader
from provision.keys.source import KeyCommand
from provision.site.key_source import source_of
from provision.site.key_users import add, retire
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.key_sources import NOTE, TWO, read_keys
from tests.helpers.samples import KEYS, SECRET, read_site


def command(tmp_path: Path, line: str) -> KeyCommand:
    (tmp_path / "site.toml").write_text(f"keys.command = {line!r}\n")
    source = source_of(read_site(tmp_path / "site.toml"))
    assert isinstance(source, KeyCommand)
    return source


def test_a_command_prints_the_keys_from_the_folder_of_the_site(tmp_path: Path) -> None:
    (tmp_path / "keys enc").write_text(f"# ours\n{TWO.text}")
    assert read_keys(command(tmp_path, 'cat "keys enc"')) == TWO


def test_a_command_runs_without_a_shell_and_without_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHRONY_PROVISION_SUDO_PASSWORD", "open-sesame")
    script = tmp_path / "print-keys"
    script.write_text(f'#!/bin/sh\necho "$1" >>ran\ncat\nenv >>ran\necho "{KEYS.text}"\n')
    script.chmod(0o700)
    source = command(tmp_path, "./print-keys '$HOME; exit'")
    assert read_keys(source) == KEYS
    ran = (tmp_path / "ran").read_text()
    assert ran.startswith("$HOME; exit\n")
    assert ran.count("$HOME; exit") == 1
    assert "open-sesame" not in ran


FAILED = [
    pytest.param("no-such-manager -d x", "cannot run no-such-manager: No such file or directory", id="no such program"),
    pytest.param("cat no-such-file", "exit status 1: cat: no-such-file: No such file or directory", id="it fails"),
    pytest.param("false", "exit status 1: it said nothing on standard error", id="it fails in silence"),
    pytest.param("true", "printed nothing; it has to print keys in the format of chrony.keys", id="it prints nothing"),
    pytest.param("echo '# none'", "no key in it", id="it prints no key"),
    pytest.param(f"echo 1 AES128 HEX:{SECRET}00", "line 1: an AES128 key has 16 bytes", id="it prints a bad key"),
    pytest.param(f"cat {__file__}", "line 1: ", id="it prints something else"),
]


@pytest.mark.parametrize(("line", "words"), FAILED)
def test_a_command_that_gives_no_keys_is_told_in_one_line(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(SiteError) as caught:
        read_keys(command(tmp_path, line))
    said = str(caught.value)
    assert said.startswith("keys.command ")
    assert words in said
    assert "\n" not in said
    shown = "".join(traceback.format_exception(caught.value)).replace(line, "")
    assert_nowhere(SECRET, shown.replace(repr(line), ""))


def test_what_a_command_printed_is_not_shown_when_it_also_stands_among_its_errors(tmp_path: Path) -> None:
    script = tmp_path / "print-keys"
    script.write_text(f"#!/bin/sh\necho '{KEYS.text}'\nprintf 'bad \\033[31m key {SECRET}\\n' >&2\nexit 3\n")
    script.chmod(0o700)
    with pytest.raises(SiteError) as caught:
        read_keys(command(tmp_path, "./print-keys"))
    assert str(caught.value).endswith("exit status 3: bad ?[31m key (not shown)")


SAID = [
    pytest.param(f"3 AES128 HEX:{SECRET}", "3 AES128 (not shown)", id="line of a key file"),
    pytest.param("3 SHA1 hunter2", "3 SHA1 (not shown)", id="password"),
    pytest.param(f"key {SECRET.lower()} is refused", "key (not shown) is refused", id="hex digits"),
    pytest.param("value ASCII:hunter2!", "value (not shown)", id="ASCII"),
    pytest.param("got q83vEjRWeJCrze8SNFZ4kA==", "got (not shown)", id="base64"),
    pytest.param(
        "permission denied on secret/data/time/chrony-keys",
        "permission denied on secret/data/time/chrony-keys",
        id="no secret",
    ),
]


@pytest.mark.parametrize(("said", "shown"), SAID)
def test_a_key_that_a_command_prints_among_its_errors_is_not_shown(tmp_path: Path, said: str, shown: str) -> None:
    script = tmp_path / "print-keys"
    script.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 3\n")
    script.chmod(0o700)
    with pytest.raises(SiteError) as caught:
        read_keys(command(tmp_path, "./print-keys"))
    assert str(caught.value).endswith(f"exit status 3: {shown}")


def test_a_command_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SECONDS", 0.3)
    script = tmp_path / "wait"
    script.write_text(f"#!/bin/sh\necho '{KEYS.text}'\nexec sleep 60\n")
    script.chmod(0o700)
    begun = time.monotonic()
    with pytest.raises(
        SiteError, match=r"keys\.command '\./wait': had not ended after 0\.3 s; it has no input"
    ) as caught:
        read_keys(command(tmp_path, "./wait"))
    assert time.monotonic() - begun < 10
    # Nor may what it printed hang on the error, where a debugger or a reporter would find it.
    error: BaseException | None = caught.value
    while error is not None:
        assert_nowhere(SECRET, repr(vars(error)), repr(error.args))
        error = error.__context__


def test_keys_of_a_command_are_changed_elsewhere(tmp_path: Path) -> None:
    source = command(tmp_path, f"echo {KEYS.text.strip()}")
    for change in (
        lambda: add(KeyReader(), source, Addition(note=NOTE)),
        lambda: retire(KeyReader(), source, [1], {}),
        lambda: source.create(KEYS),
    ):
        with pytest.raises(SiteError, match=r"^the keys come from keys\.command 'echo .*: change them there"):
            change()


REFUSED = [
    pytest.param('keys.command = ""', "keys.command: is empty; leave it out for the default", id="empty"),
    pytest.param('keys.command = " "', "keys.command: is empty", id="blank"),
    pytest.param('keys.command = "cat \'x"', 'keys.command: "cat \'x": no closing quotation', id="half a quotation"),
    pytest.param("keys.command = 1", "keys.command: expected str, got int", id="a number"),
    pytest.param(
        'keys = { file = "a", command = "b" }',
        "keys.command: keys.file is set, too; the keys come from one of them",
        id="a file, too",
    ),
]


@pytest.mark.parametrize(("site", "words"), REFUSED)
def test_a_command_that_cannot_be_is_refused(tmp_path: Path, site: str, words: str) -> None:
    (tmp_path / "site.toml").write_text(site)
    with pytest.raises(SiteError) as caught:
        read_site(tmp_path / "site.toml")
    assert str(caught.value).startswith(f"{tmp_path}/site.toml: {words}")
