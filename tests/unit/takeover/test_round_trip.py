"""A site that was imported, rendered and compared with its origin: only lines are lost that the import has named."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.chrony.language.table import Argument, Kind, table
from provision.common.results import Fate, Loss
from provision.deploy.offline import conf_of
from provision.keys import Keys
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.importing import imported
from provision.takeover.local_files import read_service
from provision.takeover.lost import losses
from provision.takeover.wanted import Wanted
from tests.helpers.samples import CASES, read_site

pytestmark = pytest.mark.usefixtures("unmeasured")
FILES = sorted((CASES / "import").rglob("*.conf"))
PROGRAMS = {"chrony": Program.CHRONY, "ntpd": Program.NTPD, "timesyncd": Program.TIMESYNCD}
FOLDERS = {"include", "confdir", "sourcedir"}
"""Directives in whose place other lines stand."""
WORDS = {
    Kind.WORD: "0",
    Kind.ADDRESS: "2001:DB8:0::1",
    Kind.HOST: "B.example.",
    Kind.NETWORK: "10.1.2.3/8",
    Kind.PATH: "/var/lib/chrony/x",
    Kind.REFID: "nMea",
    Kind.HEXADECIMAL: "0xf323",
}


def unexplained(service: ExistingService, folder: Path) -> list[Loss]:
    """Return the losses of lines that the import calls carried."""
    found = imported({"file": [service]}, is_site=False)
    (folder / "site.toml").write_text(found.site)
    wanted = Wanted.of(conf_of(read_site(folder / "site.toml")), "", Keys(()))
    named = {remark.place for remark in found.hosts[0].remarks if remark.fate is not Fate.CARRIED}
    return [loss for loss in losses([service], wanted) if loss.place not in named]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_real_files(path: Path, tmp_path: Path) -> None:
    assert unexplained(read_service(path, PROGRAMS[path.parent.name]), tmp_path) == []


def word(argument: Argument) -> str:
    """Return a value that chronyd accepts, in an unusual form."""
    if argument.kind is Kind.NAME:
        return argument.values[0]
    if argument.kind in WORDS:
        return WORDS[argument.kind]
    least = argument.min if argument.min is not None else argument.above
    number = int(max(least or 0, 0)) + (argument.above is not None)
    if argument.kind is Kind.NUMBER:
        return f"{number}.0"
    return str(number)


def lines(name: str) -> Iterator[str]:
    """Yield lines with a directive: with each list of its arguments, and with each of its options."""
    row = table().directives[name]
    for form in row.forms:
        yield " ".join((name.upper(), *map(word, form)))
    start = (name, *map(word, row.forms[0]))
    for option in row.options.values():
        value = (word(option),) if option.kind is not None else ()
        yield "\t".join((*start, option.name.title(), *value))


@pytest.mark.parametrize("name", sorted(table().directives.keys() - FOLDERS))
def test_each_directive_and_each_of_its_options(name: str, tmp_path: Path) -> None:
    for line in lines(name):
        file = ConfigFile(path="/c", text=f"{line}\nserver z.example\nallow 192.0.2.0/24\n")
        service = ExistingService(program=Program.CHRONY, unit="chrony.service", files=(file,))
        assert unexplained(service, tmp_path) == [], line
