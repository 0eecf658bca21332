"""A whole import: the site, the keys and the list; the cases are configurations of kinds found in the field."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from provision.chrony.access_rules import NTP, AccessRules
from provision.chrony.language.table import How, directive
from provision.chrony.socket_unit import WILDCARD
from provision.chrony.statement import Statement, statements
from provision.common.errors import SiteError
from provision.common.results import Fate, Remark
from provision.deploy.offline import conf_of
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.importing import Import, imported, unsupported
from provision.takeover.local_files import read_service
from provision.takeover.translation import translated
from tests.helpers.booted_hosts import ROOT
from tests.helpers.samples import read_site

CASES = sorted((ROOT / "tests/cases/import").rglob("*.conf"))
KINDS = {"chrony": Program.CHRONY, "ntpd": Program.NTPD, "timesyncd": Program.TIMESYNCD}
SECRET = "00112233445566778899AABBCCDDEEFF"  # noqa: S105 -- a key of no use
OF_THE_DEPLOYMENT = {"keyfile", "port", "cmdport", "dumpdir"}
"""Directives with a key of the site, or a part of the unit, in their place."""


def of_file(path: Path) -> ExistingService:
    return read_service(path, KINDS[path.parent.name])


def chrony(text: str, keys: str = "") -> ExistingService:
    key_files = (ConfigFile(path="/etc/chrony.keys", text=keys),) if keys else ()
    return ExistingService(
        program=Program.CHRONY,
        version="4.3",
        unit="chrony.service",
        files=(ConfigFile(path="/etc/chrony.conf", text=text),),
        key_files=key_files,
    )


def remarks(found: Import) -> list[tuple[Fate, str, str]]:
    return [(remark.fate, remark.place, remark.line) for host in found.hosts for remark in host.remarks]


def word(text: str) -> str:
    """Return a word in the one way to write it."""
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.lower()


def words(statement: Statement) -> tuple[str, ...]:
    """Return the words of a line; those of a source have no order."""
    written = tuple(map(word, statement.words))
    if statement.name in {"server", "pool"}:
        return (*written[:2], *sorted(written[2:]))
    if statement.name == "local" and "stratum" not in written:
        return ("local", "stratum", "10", *written[1:])
    return written


def is_compared(statement: Statement) -> bool:
    row = directive(statement.name)
    if statement.name in OF_THE_DEPLOYMENT | set(NTP) | {"log", "sourcedir"}:
        return False
    if statement.words in {("makestep", "1", "0"), ("logdir", "/var/log/chrony")}:
        return False
    return row is None or row.site.how is not How.DEPLOYMENT


def effect(lines: Iterable[Statement]) -> "Counter[tuple[str, ...]]":
    return Counter(words(line) for line in lines if is_compared(line))


def split(lines: Iterable[Statement], found: Iterable[Remark]) -> tuple[list[Statement], list[Statement]]:
    """Return the lines that are carried as they are, and those that the list names as changed or lost."""
    named = {remark.place for remark in found if remark.fate is not Fate.CARRIED}
    sides: tuple[list[Statement], list[Statement]] = ([], [])
    for line in lines:
        sides[line.place in named].append(line)
    return sides


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_imported_site_has_the_effect_of_the_old_lines(path: Path, tmp_path: Path) -> None:
    service = of_file(path)
    translation = translated(service)
    assert translation is not None
    found = imported({"file": [service]}, is_site=False)
    (tmp_path / "site.toml").write_text(found.site)
    conf = conf_of(read_site(tmp_path / "site.toml"))

    (host,) = found.hosts
    old, remarked = split(translation.statements, host.remarks)
    new = list(statements(conf))
    defaults = {"driftfile", "logdir"}
    if not any(line.name in {"server", "pool", "peer", "refclock", "local"} for line in translation.statements):
        defaults.add("pool")
    old_effect, new_effect = effect(old), effect(new)
    assert old_effect - new_effect == Counter()
    # With these, chronyd takes over the port that systemd keeps open (socket_unit.py).
    taken_over = {("bindaddress", address) for address in WILDCARD.values()}
    for line in new_effect - old_effect:
        # Of a line that is named, a part may be carried.
        assert line[0] in defaults or line in taken_over or any(set(line) <= set(words(whole)) for whole in remarked), (
            line
        )

    is_client = ("port", "0") in [line.words for line in new]
    allowed = AccessRules.of([*old, *(line for line in remarked if line.name in NTP)]).allowed
    assert AccessRules.of(new).allowed == (() if is_client else allowed)
    if is_client:
        assert allowed == () or Statement(("port", "0")).words in [line.words for line in old]

    logs = {word for line in old if line.name == "log" for word in line.arguments}
    assert {word for line in new if line.name == "log" for word in line.arguments} == logs


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_line_of_a_file_is_in_the_list(path: Path) -> None:
    found = imported({"file": [of_file(path)]}, is_site=False)
    named = {place for _, place, _ in remarks(found)}
    if path.parent.name == "timesyncd":
        return
    for line in statements(re.sub(r"#.*", "", path.read_text()), str(path)):
        if line.name not in {"restrict", "fudge", "confdir", "include", "includefile"}:
            assert line.place in named, line.text


def test_a_remark_about_the_whole_file_comes_after_those_about_its_lines() -> None:
    found = imported({"a": [of_file(ROOT / "tests/cases/import/ntpd/debian.conf")]})
    places = [place.rpartition(":")[2] for _, place, _ in remarks(found)]
    numbers = [int(place) for place in places if place.isdecimal()]
    assert numbers == sorted(numbers)
    assert not places[-1].isdecimal()


def test_keys_keep_their_ids_and_comments() -> None:
    found = imported(
        {
            "a": [
                chrony(
                    "server b key 12\nkeyfile /etc/chrony.keys",
                    f"#3 MD5 old\n# phones\n# floor 2\n12 AES128 HEX:{SECRET}\n",
                )
            ]
        }
    )
    assert found.key_lines == f"# phones\n# floor 2\n12 AES128 HEX:{SECRET}\n"
    assert tomllib.loads(found.site)["keys"] == {"file": "chrony.keys"}
    assert found.hosts[0].key_ids == (12,)
    assert SECRET not in repr(found) + found.site
    assert SECRET not in str(found.hosts)


def test_a_source_whose_key_no_file_has_is_named_and_the_site_names_the_key_file() -> None:
    found = imported({"a": [chrony("server b key 12\npeer 10.0.0.2 key 3\nallow 10.0.0.0/8")]})
    assert tomllib.loads(found.site)["keys"] == {"file": "chrony.keys"}
    assert found.key_lines == ""
    assert [line for fate, _, line in remarks(found) if fate is Fate.LOST] == ["b key 12", "peer 10.0.0.2 key 3"]


def test_a_host_that_would_answer_foreign_keys_is_named() -> None:
    server = "server b\nallow 10.0.0.0/8\n"
    found = imported({"a": [chrony(server, f"12 AES128 HEX:{SECRET}\n")], "b": [chrony(server)]})
    assert remarks(found)[-1] == (Fate.CHANGED, "", "keys 12")


def test_only_one_time_service_of_a_host_is_imported_and_the_others_are_named() -> None:
    other = ExistingService(program=Program.OTHER, unit="phc2sys.service")
    timesyncd = ExistingService(program=Program.TIMESYNCD, unit="systemd-timesyncd.service")
    found = imported({"a": [other, chrony("server b iburst"), timesyncd]})
    assert found.hosts[0].program == "chrony"
    assert remarks(found)[-2:] == [
        (Fate.LOST, "phc2sys.service", "the whole service"),
        (Fate.LOST, "systemd-timesyncd.service", "the whole service"),
    ]


@pytest.mark.parametrize(("unit", "lines"), [("chrony.service", ["Nice=-5"]), ("chronyd.service", [])])
def test_lines_of_a_drop_in_are_named_where_they_lose_their_effect(unit: str, lines: list[str]) -> None:
    drop_in = ConfigFile(path=f"/etc/systemd/system/{unit}.d/x.conf", text="[Service]\nExecStart=/x\n\nNice=-5\n")
    service = replace(chrony("server b iburst"), unit="chrony.service", overrides=(drop_in,))
    found = imported({"a": [service]})
    assert [line for fate, _, line in remarks(found) if fate is Fate.LOST] == lines


def test_a_unit_of_the_administrator_is_named() -> None:
    service = replace(chrony("server b iburst"), own_unit="/etc/systemd/system/chrony.service")
    assert remarks(imported({"a": [service]}))[-1] == (
        Fate.LOST,
        "/etc/systemd/system/chrony.service",
        "the whole unit",
    )


def test_a_program_that_cannot_be_imported_is_named() -> None:
    openntpd = ExistingService(program=Program.OPENNTPD, unit="openntpd.service")
    why = unsupported({"a": [chrony("")], "b": [openntpd]})
    assert why is not None
    assert why.startswith(
        "b: OpenNTPD keeps the time, and its configuration cannot be imported: write its servers into"
    )
    assert unsupported({"a": [openntpd, chrony("")]}) is None
    with pytest.raises(SiteError, match="b: no time service that can be imported"):
        imported({"b": [openntpd]})


def test_a_contradiction_names_its_host() -> None:
    with pytest.raises(SiteError, match=r"^a: no site file can have these lines: "):
        imported({"a": [chrony("server b noselect")]})


def test_a_file_that_could_not_be_read_is_named() -> None:
    service = ExistingService(program=Program.CHRONY, files=chrony("server b").files, unread=("/etc/more.conf",))
    assert remarks(imported({"a": [service]}))[-1] == (Fate.LOST, "/etc/more.conf", "all of it")


def test_a_configuration_that_was_not_found_is_named() -> None:
    service = ExistingService(program=Program.CHRONY, command=("/opt/chronyd",))
    assert remarks(imported({"a": [service]}))[-1] == (Fate.LOST, "/opt/chronyd", "all of it")
    timesyncd = ExistingService(program=Program.TIMESYNCD, unit="systemd-timesyncd.service")
    assert Fate.LOST not in {fate for fate, *_ in remarks(imported({"a": [timesyncd]}))}


def test_hosts_and_release_of_a_site() -> None:
    found = imported({"a": [chrony("server b iburst")], "c.example.com": [chrony("server b iburst")]}, chrony="4.8")
    site = tomllib.loads(found.site)
    assert site["release"] == {"chrony": "4.8"}
    assert site["hosts"] == {"a": {}, "c": {"host": "c.example.com"}}
    assert "hosts" not in tomllib.loads(imported({"f": [chrony("server b")]}, is_site=False).site)
