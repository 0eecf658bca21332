"""Where keys come from: a file that is changed whole, or a command that is run once; and no secret gets out."""

import os
import stat
import threading
import time
import traceback
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.common.files import private
from provision.fleet.rotation import begin, finish
from provision.keys import Key, Keys, source
from provision.keys.ledger import Addition
from provision.keys.note import Note
from provision.keys.reader import KeyReader
from provision.keys.source import KeyCommand, KeyFile, KeySource, lint
from provision.keys.state import EMPTY
from provision.site.key_source import source_of
from provision.site.key_users import add, retire
from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import KEYS, SECRET, read_site

NOTE = Note(date(2026, 11, 23), "doors")
TWO = Keys((*KEYS, Key(2, "SHA1", b"correct-horse")))


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys" / "chrony.keys")


def read_keys(source: KeySource) -> Keys | None:
    """Return the keys of a source, as a command reads them."""
    return KeyReader().keys(source)


def command(tmp_path: Path, line: str) -> KeyCommand:
    (tmp_path / "site.toml").write_text(f"keys.command = {line!r}\n")
    source = source_of(read_site(tmp_path / "site.toml"))
    assert isinstance(source, KeyCommand)
    return source


def test_a_file_that_is_not_there_has_no_keys_yet(file: KeyFile) -> None:
    assert read_keys(file) is None
    file.create(KEYS)
    assert read_keys(file) == KEYS
    with pytest.raises(SiteError, match="it was not overwritten"):
        file.create(TWO)
    assert read_keys(file) == KEYS


def test_the_first_key_makes_the_file(file: KeyFile) -> None:
    added = add(KeyReader(), file, Addition(note=NOTE, first=7, type="SHA3-256"))
    assert file.path.read_text() == f"# added 2026-11-23: doors\n{added[0].line}\n"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "# ours\n", "# ours"])
def test_a_file_of_comments_is_one_to_which_keys_may_be_added(file: KeyFile, text: str) -> None:
    file.create(KEYS)
    file.path.write_text(text)
    assert [key.id for key in add(KeyReader(), file, Addition(note=NOTE))] == [1]
    assert file.path.read_text().startswith("# ours\n# added" if text else "# added")


def test_what_cannot_be_added_leaves_the_file_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    before = file.path.stat()
    with pytest.raises(SiteError, match="there is a key 2 already"):
        add(KeyReader(), file, Addition(note=NOTE, first=2))
    file.path.write_text(f"{TWO.text}x\n")
    with pytest.raises(SiteError, match=r"line 3: expected ID TYPE KEY"):
        add(KeyReader(), file, Addition(note=NOTE))
    assert file.path.stat().st_ino == before.st_ino


def test_a_rotation_that_begins_between_two_reads_is_no_fault(file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.create(TWO)
    read = private.read

    def read_and_be_overtaken(path: Path) -> bytes | None:
        data = read(path)
        monkeypatch.setattr(private, "read", read)
        begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added)
        return data

    monkeypatch.setattr(private, "read", read_and_be_overtaken)
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == (1, 2, 3)
    assert file.state().rotation is not None


def test_two_who_add_at_once_lose_no_key(file: KeyFile) -> None:
    threads = [threading.Thread(target=add, args=(KeyReader(), file, Addition(note=NOTE, count=20))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == tuple(range(1, 161))


def test_comments_of_any_bytes_and_order_stay(file: KeyFile) -> None:
    file.create(KEYS)
    file.path.write_bytes(b"# Schl\xfcssel\r\n9 SHA1 correct-horse\r\n\r\n" + KEYS.text.encode())
    (added,) = add(KeyReader(), file, Addition(note=NOTE))
    retire(KeyReader(), file, [1], {})
    assert file.path.read_bytes() == (
        b"# Schl\xfcssel\r\n9 SHA1 correct-horse\r\n\r\n# added 2026-11-23: doors\n" + f"{added.line}\n".encode()
    )


RETIRED = [
    pytest.param([1, 2], {}, "no key would be left; add one first: inv keys.add", id="the last ones"),
    pytest.param([5], {}, "there is no key 5", id="one that is gone by now"),
    pytest.param(
        [2],
        {2: ("web1", "web2")},
        "key 2: used by web1, web2: let them ask with another key first (keys.use",
        id="one that is used",
    ),
]


@pytest.mark.parametrize(("ids", "used", "words"), RETIRED)
def test_a_key_that_is_needed_stays(
    file: KeyFile, ids: list[int], used: dict[int, tuple[str, ...]], words: str
) -> None:
    file.create(TWO)
    with pytest.raises(SiteError) as caught:
        retire(KeyReader(), file, ids, used)
    assert words in str(caught.value)
    assert file.path.read_text() == TWO.text


@pytest.mark.parametrize("id_", [1, 3])
def test_a_key_of_a_rotation_stays_and_others_may_go(file: KeyFile, id_: int) -> None:
    file.create(TWO)
    begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added)
    assert "3 AES128" in file.path.read_text()
    with pytest.raises(SiteError, match=rf"^key {id_}: a rotation is under way; inv keys.rotate finishes it$"):
        retire(KeyReader(), file, [id_], {})
    retire(KeyReader(), file, [2], {})
    keys = read_keys(file)
    assert keys is not None
    assert keys.ids == (1, 3)


def test_a_key_with_which_hosts_asked_once_may_go_and_the_state_forgets_it(file: KeyFile) -> None:
    file.create(TWO)
    finish(KeyReader(), file, begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added))
    retire(KeyReader(), file, [3], {})
    assert "3 AES128" not in file.path.read_text()
    assert file.state() == EMPTY
    assert read_keys(file) == TWO


def test_the_file_before_keys_were_retired_is_kept(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    assert file.backup.read_text() == TWO.text
    assert stat.S_IMODE(file.backup.stat().st_mode) == 0o600


def test_a_refused_change_leaves_the_backup_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    with pytest.raises(SiteError, match="no key would be left"):
        retire(KeyReader(), file, [1], {})
    assert file.backup.read_text() == TWO.text


def test_a_change_that_changes_nothing_leaves_the_backup_as_it_is(file: KeyFile) -> None:
    file.create(TWO)
    retire(KeyReader(), file, [2], {})
    file.change(lambda text: text or "", backup=True)
    assert file.backup.read_text() == TWO.text


UNWRITABLE: list[Callable[[KeyFile], object]] = [
    lambda file: add(KeyReader(), file, Addition(note=NOTE, count=1)),
    lambda file: retire(KeyReader(), file, [2], {}),
    lambda file: begin(KeyReader(), file, 1, 3, type_=None, today=NOTE.added),
    lambda file: file.change_state(lambda state: state),
]


@pytest.mark.parametrize("change", UNWRITABLE, ids=["add", "retire", "rotate", "state"])
def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(
    change: Callable[[KeyFile], object], file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.create(TWO)
    # Root may write everywhere.
    monkeypatch.setattr("provision.common.files.private.os.access", lambda _, mode: mode == os.F_OK)
    with pytest.raises(SiteError) as caught:
        change(file)
    assert str(caught.value) == (
        f"{file.path}: cannot be written: no right to write in {file.path.parent}; make the folder writable, or name "
        "another file in the site"
    )
    assert [path.name for path in file.path.parent.iterdir()] == ["chrony.keys"]


def test_lint_tells_the_mode_too(file: KeyFile) -> None:
    file.create(KEYS)
    assert lint(file.path) == (KEYS.text, [])
    file.path.chmod(0o644)
    assert [str(problem) for problem in lint(file.path)[1]] == [
        f"others than its owner may use it (mode 0644): chmod 600 {file.path}"
    ]
    with pytest.raises(SiteError, match="gone: no such file"):
        lint(Path("gone"))


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


def test_a_key_that_was_replaced_while_servers_were_asked_stays(file: KeyFile) -> None:
    file.create(TWO)
    reader = KeyReader()
    reader.read(file)
    other = Keys((*KEYS, Key(2, "SHA1", b"another-horse")))
    private.write(file.path, other.text.encode(), replace=True)
    with pytest.raises(SiteError, match="key 2: replaced by another meanwhile; run it again"):
        retire(reader, file, [2], {})
    assert read_keys(file) == other
