"""The table of chrony's language against a real chronyd, with sound and faulty lines that are made from the table."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from provision.chrony.language.check import faults
from provision.chrony.language.table import Argument, Directive, Kind, table
from provision.chrony.releases import parse_version
from provision.chrony.statement import statements
from provision.host.paths import ROOT
from tests.helpers.booted_hosts import booted
from tests.helpers.host_state import install
from tests.helpers.packaged_chronyd import fetch

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


RANGES = """
acquisitionport: port
cmdport: port
cmdratelimit: burst
dscp: value
local: stratum
logbanner: entries
maxntsconnections: connections
maxsamples: samples
maxstratum: stratum
maxtxbuffers: messages
minsamples: samples
minsources: sources
minstratum: stratum
nocerttimecheck: updates
ntsport: port
ntsprocesses: processes
ntsratelimit: burst
ntsrefresh: interval
ntsrotate: interval
port: port
ptpdomain: domain
ptpport: port
ratelimit: burst
refclock: dpoll filter maxlockage maxsamples maxunreach minsamples poll rate stratum
refresh: interval
sched_priority: priority
server: filter key maxsamples maxsources maxunreach minsamples minstratum ntsport polltarget port presend version
"""
"""The arguments and options of which chronyd 4.9 refuses a value outside of the range, or at one end of it.

It accepts other numbers as they are written, and applies another one in silence, or the same one with another effect.
"""
RANGES_OF_OLD_RELEASES = {"refclock stratum", "server key", "local stratum"}
"""Those of which chronyd before 4.7 refuses such values."""


def known_ranges() -> set[str]:
    """Return the names in ``RANGES``, such as ``server key``."""
    names = set()
    for line in RANGES.strip().splitlines():
        directive, _, arguments = line.partition(": ")
        names |= {f"{directive} {argument}" for argument in arguments.split()}
    return names


class Chronyd:
    """A chronyd that prints a configuration: chronyd(8), -p."""

    def __init__(self, program: Sequence[str], root: Path, conf: str) -> None:
        """Take the command that starts it, and the path of a configuration in the folder that it has as its root."""
        self.program = program
        self.conf = conf
        self.file = root / conf.removeprefix("/")
        self.version = self.run("-v").stdout.split("version ")[1].split()[0]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.program, *options], capture_output=True, text=True, timeout=60, check=False)

    def knows(self, since: str) -> bool:
        return parse_version("chrony", since) <= parse_version("chrony", self.version)

    def accepts(self, line: str) -> bool:
        self.file.write_text(f"{line}\n")
        return self.run("-p", "-f", self.conf).returncode == 0


@pytest.fixture(scope="module", params=["bullseye", "this machine", "trixie", "ours"])
def chronyd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chronyd]:
    """Return the chronyd of a release of Debian (4.0, 4.3 and 4.6.1), and the newest one that was built here."""
    match request.param:
        case "this machine":
            folder = tmp_path_factory.mktemp("chrony")
            program = fetch(folder).root / "usr/sbin/chronyd"
            yield Chronyd([str(program)], Path("/"), f"{folder}/chrony.conf")
        case "ours":
            root = request.getfixturevalue("deployed").host.root
            yield Chronyd(["chroot", str(root), f"{ROOT}/current/build/sbin/chronyd"], root, "/root/language.conf")
        case suite:
            with booted(f"it-language-{suite}", suite) as host:
                install(host, "chrony")
                yield Chronyd(["chroot", str(host.root), "/usr/sbin/chronyd"], host.root, "/root/language.conf")


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


def outside(argument: Argument) -> Iterator[str]:
    """Yield values of the right kind that are outside of the range of an argument."""
    step = 1 if argument.kind is Kind.INTEGER else 0.5
    if argument.min is not None:
        yield f"{argument.min - step:.17g}"
    if argument.above is not None:
        yield f"{argument.above:.17g}"
    if argument.max is not None:
        yield f"{argument.max + step:.17g}"


def beyond_ranges(chronyd: Chronyd) -> Iterator[tuple[str, str]]:
    """Yield the name of each argument and option with a range, and a line with a value outside of it."""
    for row in table().directives.values():
        # pool and peer have the options of server.
        if row.name in (*FOLDERS, "pool", "peer") or not chronyd.knows(row.since):
            continue
        for form in row.forms:
            required = [argument for argument in form if not argument.optional]
            for number, argument in enumerate(required):
                for value in outside(argument):
                    words = [word(other) for other in required]
                    words[number] = value
                    yield f"{row.name} {argument.name}", " ".join((row.name, *words))
        for option in row.options.values():
            if chronyd.knows(option.since):
                for value in outside(option):
                    yield f"{row.name} {option.name}", f"{base(row)} {option.name} {value}"


def test_a_value_outside_of_a_range_is_refused_by_the_table_where_chronyd_replaces_it(chronyd: Chronyd) -> None:
    refused = set()
    for name, line in beyond_ranges(chronyd):
        assert list(faults(next(statements(line)), chronyd.version)) != [], line
        if not chronyd.accepts(line):
            refused.add(name)
    known = RANGES_OF_OLD_RELEASES
    if chronyd.knows("4.7"):
        known = known_ranges()
    assert refused == known
