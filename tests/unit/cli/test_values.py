"""What each parser of an option's value takes, what it refuses, and in which words."""

import re
from pathlib import Path

import pytest

from provision.cli import values
from provision.cli.values import Parser
from provision.common.errors import UsageError
from provision.keys import TYPES


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with one file and one folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()


NUMBER = values.number_from(1, 1000, meaning="a number of hosts")
NO_NUMBER = "--flag {}: expected a number of hosts from 1 to 1000"
REPORT = values.new_file_or_standard_output

PARSED: list[tuple[Parser, str, object]] = [
    (values.verbatim, "", ""),
    (values.verbatim, " a b ", " a b "),
    (NUMBER, "1", 1),
    (NUMBER, "0064", 64),
    (NUMBER, "1000", 1000),
    (values.any_path, "none/file", Path("none/file")),
    (values.existing_folder, "folder", Path("folder")),
    (values.existing_file, "file", Path("file")),
    (values.new_file, "new", Path("new")),
    (values.new_file, "file", Path("file")),
    (REPORT, "folder/new", Path("folder/new")),
    (values.new_folder, "folder", Path("folder")),
    (values.new_folder, "folder/new", Path("folder/new")),
    (REPORT, "-", Path("-")),
    (values.new_regular_file_or_standard_output, "/dev/stdout", Path("-")),
    (values.new_regular_file_or_standard_output, "/dev/fd/1", Path("-")),
    (values.new_regular_file, "folder/new", Path("folder/new")),
    (values.scheduler_address, "tls://dask1:8786", "tls://dask1:8786"),
    (values.chrony_version, "4.9-pre1", "4.9-pre1"),
    (values.nettle_version, "3.10.2", "3.10.2"),
    (values.nettle_version, "system", "system"),
    (values.address, "ntp1.example.com", "ntp1.example.com"),
    (values.address, "2001:db8::1", "2001:db8::1"),
    (values.key_format, "coresntp", "coresntp"),
    (values.ip_addresses, " 10.0.0.1  2001:db8::1 ", ("10.0.0.1", "2001:db8::1")),
]


@pytest.mark.parametrize(("parser", "text", "value"), PARSED)
def test_a_text_becomes_a_value(parser: Parser, text: str, value: object) -> None:
    parsed = parser("--flag", text)
    assert parsed == value
    assert isinstance(parsed, type(value))


REFUSED: list[tuple[Parser, str, str]] = [
    *((NUMBER, text, NO_NUMBER) for text in ("0", "1001", "-1", " 7", "1_0", "1.5", "٣", "1" * 5000, "", "many")),
    (values.ip_addresses, "10.1", "{}: expected an IP address; a name is not resolved here"),
    (values.ip_addresses, "fe80::1%lo", "{}: expected an IP address without a zone"),
    (values.ip_addresses, " ", "expected an IP address"),
    (values.existing_folder, "none", "--flag {}: cannot be used: No such file or directory"),
    (values.existing_folder, "file", "--flag {}: cannot be used: Not a directory"),
    (values.existing_folder, "x" * 300, "--flag {}: cannot be used: File name too long"),
    (values.existing_file, "none", "--flag {}: cannot be read: No such file or directory"),
    (values.existing_file, "folder", "--flag {}: cannot be read: Is a directory"),
    (REPORT, "folder", "--flag {}: cannot be written: Is a directory"),
    (values.new_folder, "-", "--flag {}: a folder cannot be written to standard output; name a folder"),
    (values.new_folder, ".", "--flag {}: is not empty; name a new folder"),
    (values.new_folder, "file", "--flag {}: cannot be written: Not a directory"),
    (values.new_folder, "none/new", "--flag {}: cannot be written: No such file or directory"),
    (values.new_folder, "x" * 300, "--flag {}: cannot be written: File name too long"),
    (REPORT, "none/report.json", "--flag {}: cannot be written: No such file or directory"),
    (REPORT, "file/report.json", "--flag {}: cannot be written: Not a directory"),
    (REPORT, "x" * 300, "--flag {}: cannot be written: File name too long"),
]


@pytest.mark.parametrize(("parser", "text", "words"), REFUSED)
def test_a_bad_text_is_refused_with_its_option(parser: Parser, text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        parser("--flag", text)
    assert str(caught.value) == words.format(text)


@pytest.mark.parametrize(
    ("parser", "text", "words"),
    [
        (values.chrony_version, "four", "--flag: 'four' is not a version such as '4.9'"),
        (values.chrony_version, "system", "--flag: 'system' is not a version such as '4.9'"),
        (values.nettle_version, "four", "--flag: 'four' is not a version such as '3.10.2', nor 'system'"),
        (values.scheduler_address, "dask1:8786", "--scheduler dask1:8786: not an address; say tls://name:8786"),
        (
            values.scheduler_address,
            "tcp://dask1:8786",
            "--scheduler tcp://dask1:8786: over tcp:// everybody on the network could",
        ),
        (
            values.key_format,
            "ntpkeys",
            "--flag 'ntpkeys': there are chrony, ntp.keys, ntpsec, busybox, coresntp, json; did",
        ),
        (values.key_type, "AES128CMAC", f"--flag 'AES128CMAC': there are {', '.join(TYPES)}; did you mean 'AES128'?"),
        (values.key_type, "sha-1", f"--flag 'sha-1': there are {', '.join(TYPES)}; did you mean 'SHA1'?"),
        (values.key_type, "AES12", f"--flag 'AES12': there are {', '.join(TYPES)}; did you mean 'AES128'?"),
        (values.key_type, "", "--flag '': there are MD5, "),
        (values.new_regular_file, "-", "--flag -: it is not written to standard output; name a file"),
        (values.new_regular_file_or_standard_output, "/dev/null", "--flag /dev/null: cannot be written: not a regular"),
        (values.new_regular_file, "/dev/null", "--flag /dev/null: cannot be written: not a regular file"),
        (values.address, "10.0", "--flag: '10.0' is neither a host name nor an IP address"),
    ],
)
def test_a_bad_word_is_refused(parser: Parser, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(words)}"):
        parser("--flag", text)


def test_terminal_codes_are_escaped() -> None:
    with pytest.raises(UsageError) as caught:
        values.existing_folder("--flag", "\x1b[31m")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("parser", [values.new_regular_file, values.new_regular_file_or_standard_output])
def test_a_file_that_the_shell_has_opened_is_not_replaced(parser: Parser) -> None:
    with Path("file").open() as opened:
        path = f"/dev/fd/{opened.fileno()}"
        with pytest.raises(UsageError, match=rf"^--flag {path}: cannot be written: it is a file that the shell has"):
            parser("--flag", path)


def test_a_link_into_a_folder_that_is_not_there_is_refused() -> None:
    Path("link").symlink_to("none/file")
    with pytest.raises(UsageError, match=r"^--flag link: cannot be written: No such file or directory$"):
        values.new_regular_file("--flag", "link")


def test_a_folder_without_the_right_to_write_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match=r"^--flag folder/new: cannot be written: no right to write in /.*/folder$"):
        values.new_regular_file("--flag", "folder/new")
