"""The table of chrony's language against a real chronyd, with sound and faulty lines that are made from the table."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.chrony.language.check import faults
from provision.chrony.language.table import Argument, Directive, Kind, table
from provision.chrony.releases import parse_version
from provision.chrony.statement import statements
from tests.helpers.packaged_chronyd import Package, fetch

pytestmark = pytest.mark.integration

WORDS = {
    Kind.WORD: "0",
    Kind.ADDRESS: "127.0.0.1",
    Kind.HOST: "ntp1.example.net",
    Kind.NETWORK: "10.0.0.0/8",
    Kind.PATH: "/nonexistent",
    Kind.REFID: "GPS",
}
FOLDERS = ("confdir", "include", "sourcedir")
"""chronyd reads what they name, so that the verdict depends on files."""


SAMPLES = {"bindcmdaddress": "bindcmdaddress /run/chrony/chronyd.sock"}
"""The argument is an address or a path."""


class Chronyd:
    """A chronyd that prints a configuration: chronyd(8), -p."""

    def __init__(self, package: Package, folder: Path) -> None:
        self.program = package.root / "usr/sbin/chronyd"
        self.conf = folder / "chrony.conf"
        printed = subprocess.run([self.program, "-v"], capture_output=True, text=True, check=True, timeout=60)
        self.version = printed.stdout.split("version ")[1].split()[0]

    def knows(self, since: str) -> bool:
        return parse_version("chrony", since) <= parse_version("chrony", self.version)

    def accepts(self, line: str) -> bool:
        self.conf.write_text(f"{line}\n")
        command: list[str | Path] = [self.program, "-p", "-f", self.conf]
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.fixture(scope="module")
def chronyd(tmp_path_factory: pytest.TempPathFactory) -> Chronyd:
    folder = tmp_path_factory.mktemp("chrony")
    return Chronyd(fetch(folder), folder)


def word(argument: Argument) -> str:
    """Return a value that the table allows."""
    if argument.values:
        return argument.values[0]
    if argument.kind in {Kind.INTEGER, Kind.NUMBER}:
        least = argument.min if argument.min is not None else argument.above
        return f"{max(1, least or 0):.0f}" if argument.max is None or argument.max >= 1 else f"{argument.max:g}"
    assert argument.kind is not None
    return WORDS[argument.kind]


def base(row: Directive) -> str:
    """Return a line with the arguments of a row, without options."""
    if row.name in SAMPLES:
        return SAMPLES[row.name]
    return " ".join((row.name, *(word(argument) for argument in row.forms[0] if not argument.optional)))


def sound(chronyd: Chronyd) -> Iterator[str]:
    """Yield lines that the table calls sound for this chronyd: each directive, and each of its options."""
    for row in table().directives.values():
        if row.name in FOLDERS or not chronyd.knows(row.since):
            continue
        yield base(row)
        for option in row.options.values():
            if chronyd.knows(option.since):
                yield " ".join((base(row), option.name, *([word(option)] if option.kind else [])))


def faulty(chronyd: Chronyd) -> Iterator[str]:
    """Yield lines that the table calls faulty for this chronyd."""
    for row in table().directives.values():
        if row.name in FOLDERS:
            continue
        if not chronyd.knows(row.since):
            yield base(row)
            continue
        if not any(argument.repeated for argument in row.forms[0]):
            yield f"{base(row)} colour of 1 2 3"
        required = [argument for argument in row.forms[0] if not argument.optional]
        if required:
            yield row.name
        for option in row.options.values():
            if not chronyd.knows(option.since):
                yield " ".join((base(row), option.name, *([word(option)] if option.kind else [])))
            elif option.kind in {Kind.INTEGER, Kind.NUMBER}:
                yield f"{base(row)} {option.name} x"


def test_what_the_table_calls_sound_is_accepted(chronyd: Chronyd) -> None:
    lines = list(sound(chronyd))
    assert len(lines) > 200
    for line in lines:
        assert list(faults(next(statements(line)), chronyd.version)) == [], line
    assert [line for line in lines if not chronyd.accepts(line)] == []


def test_what_the_table_calls_faulty_is_refused(chronyd: Chronyd) -> None:
    lines = list(faulty(chronyd))
    assert len(lines) > 200
    for line in lines:
        assert list(faults(next(statements(line)), chronyd.version)) != [], line
    assert [line for line in lines if chronyd.accepts(line)] == []
