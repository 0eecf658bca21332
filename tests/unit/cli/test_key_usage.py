"""Which keys servers have answered: whom a command asks, what it prints, and which keys it takes for unused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provision.cli import key_usage
from provision.cli.command import Command
from provision.cli.key_options import KeysOptions, RetireOptions, RotateOptions
from provision.cli.key_usage import CountedTooShort
from provision.cli.options import Options
from provision.common.errors import SiteError
from provision.host.target import parse_target
from provision.output.key_usage import KeyUsage, KeyUse
from provision.output.report import Report
from provision.site.inventory import Inventory, read_inventory
from provision.site.key_source import source_of
from tests.helpers.command_secrets import make_secrets
from tests.helpers.rotations import SITE, key_file

MONTH = timedelta(days=30)
LONG_AGO = "2020-01-01T00:00:00Z"


def recently(seconds: int) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(*keys: KeyUse, since: str = LONG_AGO, as_of: str = "") -> KeyUsage:
    """Return the counts of a server, whose clock is right unless ``as_of`` is another time."""
    return KeyUsage(since=since, as_of=as_of or recently(0), keys=keys)


class Servers:
    """The servers of a site: what each of them answers, and who was asked."""

    def __init__(self, folder: Path) -> None:
        key_file(folder)
        (folder / "site.toml").write_text(SITE)
        self.options = RetireOptions(site=folder / "site.toml", ids="all", unused_for=MONTH)
        self.answers: dict[str, KeyUsage | str] = {}
        """Name of a server → its counts, or its error; others count, and have answered nobody."""
        self.asked: tuple[str, ...] = ()
        self.asked_for_addresses = False

    @property
    def inventory(self) -> Inventory:
        return read_inventory(self.options.site)

    def report(self, name: str) -> Report:
        answer = self.answers.get(name, counted())
        if isinstance(answer, str):
            return Report(host=parse_target(name), tried=True, error=answer)
        return Report(host=parse_target(name), tried=True, key_usage=answer)


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Servers:
    found = Servers(tmp_path)

    def run(command: Command, options: Options, _: object, *, note: Any) -> list[Report]:
        found.asked = options.host
        assert isinstance(command.operation, partial)
        found.asked_for_addresses = command.operation.keywords["addresses"]
        reports = [found.report(name) for name in options.host]
        note(reports)
        return reports

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Command, "run", run)
    return found


def show(servers: Servers, *hosts: str) -> int:
    secrets = make_secrets()
    source = source_of(servers.inventory.defaults)
    read = secrets.keys.read(source)
    assert read is not None
    options = KeysOptions(site=servers.options.site, host=hosts, usage=True)
    return key_usage.show_usage(options, secrets, servers.inventory, source, read)


def unused(servers: Servers, *ids: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    source = source_of(servers.inventory.defaults)
    found = key_usage.unused_keys(servers.options, make_secrets(), servers.inventory, source, ids)
    return found.ids, found.stay


def test_servers_alone_are_asked_and_a_silent_one_is_named(
    servers: Servers, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.answers = {
        "ntp1": counted(KeyUse(id=7, answers=3, last=LONG_AGO)),
        "ntp2": "ntp2: cannot be reached",
    }
    assert show(servers) == 1
    assert servers.asked == ("ntp1", "ntp2")
    said = capsys.readouterr().out.splitlines()
    assert "7   AES128  2020-01-01 00:00  3        ntp1 3" in [line.rstrip() for line in said]
    assert said[-2:] == ["ntp1: counted since 2020-01-01 00:00 UTC", "ntp2: not known: cannot be reached"]


def test_some_servers_may_be_asked(servers: Servers) -> None:
    assert show(servers, "ntp2", "web1") == 0
    assert servers.asked == ("ntp2",)


def test_a_client_has_nothing_to_say(servers: Servers) -> None:
    with pytest.raises(SiteError, match=r"no server has the keys of .*chrony\.keys, so none knows who uses them"):
        show(servers, "web1")


def test_a_key_that_was_used_stays_and_the_others_are_named(servers: Servers) -> None:
    servers.answers["ntp2"] = counted(KeyUse(id=7, answers=3, last=recently(60)))
    ids, (why,) = unused(servers, 1, 7)
    assert ids == (1,)
    assert why.startswith("key 7: answered by ntp2 20")
    assert servers.asked == ("ntp1", "ntp2")


def test_the_addresses_are_asked_for_only_if_they_are_wanted(servers: Servers) -> None:
    used = KeyUse(id=7, answers=3, last=recently(60), addresses=("192.0.2.1",))
    servers.answers["ntp2"] = counted(used)
    _, (why,) = unused(servers, 7)
    assert (servers.asked_for_addresses, "192.0.2.1" in why) == (False, False)
    servers.options = replace(servers.options, addresses=True)
    _, (why,) = unused(servers, 7)
    assert (servers.asked_for_addresses, why.endswith(", asked from: 192.0.2.1")) == (True, True)


UNKNOWN = [KeyUsage(unknown="no nftables", keys=()), "ntp2: cannot be reached"]


@pytest.mark.parametrize("answer", UNKNOWN)
def test_no_key_is_unused_while_one_server_does_not_count(servers: Servers, answer: KeyUsage | str) -> None:
    servers.answers["ntp2"] = answer
    with pytest.raises(SiteError, match="not all servers can tell who uses a key: ntp2: not known: "):
        unused(servers, 1)


def test_no_key_is_unused_while_one_server_has_counted_for_less_time(servers: Servers) -> None:
    servers.answers["ntp2"] = counted(since=recently(60))
    with pytest.raises(CountedTooShort, match="the servers do not know it for so long: ntp2: only counted since 20"):
        unused(servers, 1)


@pytest.mark.parametrize("answer", UNKNOWN)
def test_before_a_rotation_the_servers_have_to_count(servers: Servers, answer: KeyUsage | str) -> None:
    options = RotateOptions(site=servers.options.site, unused_for=MONTH)
    source = source_of(servers.inventory.defaults)
    servers.answers["ntp2"] = counted(since=recently(60))
    key_usage.check_counting(options, make_secrets(), servers.inventory, source)
    servers.answers["ntp2"] = answer
    with pytest.raises(SiteError, match="not all servers can tell who uses a key: ntp2: not known: "):
        key_usage.check_counting(options, make_secrets(), servers.inventory, source)


def test_a_site_without_hosts_does_not_know_all_servers(servers: Servers) -> None:
    assert servers.options.site is not None
    servers.options.site.write_text('keys.file = "chrony.keys"\n')
    with pytest.raises(SiteError, match="list them in the site file"):
        unused(servers, 1)


def test_a_server_that_names_the_same_file_by_another_path_is_asked(servers: Servers) -> None:
    site = servers.options.site
    assert site is not None
    (site.parent / "link.keys").symlink_to("chrony.keys")
    text = site.read_text()
    site.write_text(text.replace("ntp2 = { ", 'ntp2 = { keys.file = "link.keys", ', 1))
    assert site.read_text() != text
    servers.answers["ntp2"] = counted(KeyUse(id=7, answers=3, last=recently(60)))
    assert unused(servers, 7)[0] == ()
    assert servers.asked == ("ntp1", "ntp2")
