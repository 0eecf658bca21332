"""The configuration files of an existing time service, as the host prints them."""

import re
from pathlib import Path

import pytest

from provision.host import scripts
from provision.host.transport.local import LocalTransport

PRINT_EXISTING = (Path(scripts.__file__).parent / "look/print_existing.sh").read_text()


def run(script: str) -> str:
    output = LocalTransport().execute(script)
    assert (output.status, output.stderr) == (0, "")
    return output.stdout


def printed(*mains: Path, most: int = 200) -> list[str]:
    """Return the lines that name files, without the folder of the first one."""
    names = "$newline".join(map(str, mains))
    said = run(f'secrets=no\n{scripts.text("existing_files")}\nfiles_left={most}\nprint_with_included "{names}"\n')
    lines = [line for line in said.splitlines() if not line.startswith((">", "own="))]
    return [line.replace(f"{mains[0].parent}/", "") for line in lines]


def function(name: str) -> str:
    """Return a function of print_existing.sh."""
    found = re.search(rf"^{name}\(\) .*?^}}$", PRINT_EXISTING, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("include {folder}/one", ["one"]),
        ('include "{folder}/one" # a comment', ["one"]),
        ("includefile one", ["one"]),
        ("include {folder}/more", ["more/a.conf", "more/b.conf"]),
        ("include more", ["more/a.conf", "more/b.conf"]),
        ("INCLUDE\t{folder}/more/*", ["more/a.conf", "more/b.conf", "more/c.old"]),
        ("confdir {folder}/more", ["more/a.conf", "more/b.conf"]),
        ("include {folder}/missing", []),
    ],
)
def test_files_that_a_line_includes(tmp_path: Path, line: str, files: list[str]) -> None:
    main = tmp_path / "main"
    main.write_text(line.format(folder=tmp_path) + "\n")
    (tmp_path / "more").mkdir()
    for name in ("one", "more/a.conf", "more/b.conf", "more/c.old"):
        (tmp_path / name).write_text("server a\n")
    assert printed(main) == [f"file={name}" for name in ("main", *files)]


def test_the_first_file_beyond_the_limit_is_named_as_unread(tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.write_text(f"confdir {tmp_path}\nkeyfile {tmp_path}/keys\n")
    for name in ("a.conf", "b.conf", "c.conf", "d.conf", "keys"):
        (tmp_path / name).write_text("")
    assert printed(main, most=3) == ["file=main", "file=a.conf", "file=b.conf", "unread=c.conf", "unread=keys"]
    assert printed(main, most=5)[-1] == "unread=keys"
    assert printed(main, most=6)[-1] == "keys=keys"


def test_each_file_of_keys_is_printed_once(tmp_path: Path) -> None:
    main = tmp_path / "main"
    main.write_text(f"keyfile {tmp_path}/b\nkeyfile {tmp_path}/a\nkeyfile {tmp_path}/b\n")
    (tmp_path / "a").write_text("")
    (tmp_path / "b").write_text("")
    assert printed(main) == ["file=main", "keys=b", "keys=a"]


def test_the_default_file_is_that_which_stands_in_the_program(tmp_path: Path) -> None:
    program, etc = tmp_path / "chronyd", tmp_path / "local/etc"
    etc.mkdir(parents=True)
    program.write_bytes(b"\x7fELF\0\xff" + f"{etc}/chrony.conf".encode() + b"\0more")
    elsewhere = tmp_path / "chrony.conf"
    elsewhere.write_text("")
    script = f"set -u\n{function('default_file')}\ndefault_file {program} /nowhere/chrony.conf {elsewhere}\n"
    assert run(script) == f"{elsewhere}\n"
    (etc / "chrony.conf").write_text("")
    assert run(script) == f"{etc}/chrony.conf\n"


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("-g", ["/etc/ntpsec/ntp.conf"]),
        ("-c\n/etc/own.conf", ["/etc/own.conf"]),
        # A hook of a DHCP client copies the file of the administrator, and changes its servers.
        ("-c\n/run/ntpsec/ntp.conf.dhcp", ["/run/ntpsec/ntp.conf.dhcp", "/etc/ntpsec/ntp.conf"]),
    ],
)
def test_files_of_ntpd(words: str, files: list[str]) -> None:
    stubs = 'default_file() { echo /etc/ntpsec/ntp.conf; }\nexpanded() { :; }\nprint_with_included() { echo "$1"; }\n'
    parts = (f"newline='\n'\n{stubs}", function("option"), function("print_configuration"))
    said = run("\n".join((*parts, f"print_configuration ntpd /usr/sbin/ntpd '/usr/sbin/ntpd\n{words}'")))
    assert said.split() == files
