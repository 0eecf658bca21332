"""The overview of a site: what holds for each host, and which level says so."""

from pathlib import Path

import pytest

from provision.keys.reader import KeyReader
from provision.site.inventory import read_inventory
from provision.site.overview import lines_of, title
from provision.site.settings import resolve
from tests.helpers.inventories import SITE, booted

pytestmark = pytest.mark.usefixtures("folder")


def test_the_overview_shows_each_setting_and_its_origin() -> None:
    Path("site.toml").write_text(SITE)
    inventory = read_inventory(Path("site.toml"))
    resolved = resolve(inventory, inventory.members, KeyReader(), booted)
    text = "\n".join(line for member, site in resolved for line in lines_of(title(member), member.levels, site))
    assert "ntp1: server of group servers, reached at admin@10.0.0.1:2222\n" in text
    assert '\n  serve.allow = ["10.0.0.0/8"]  (defaults)\n' in text
    assert '\n  time.servers = [{ address = "192.0.2.1" }]  (group servers)\n' in text
    assert '\n  release.chrony = "4.8"  (host alone)\n' in text
    assert "\n  asks: 10.0.0.1 with key 1, ntp2.example.com with key 1" in text
    assert "\n  note: it follows one server alone, 192.0.2.1: " in text


def test_a_source_with_nts_is_named_so() -> None:
    Path("site.toml").write_text('time.servers = [{ address = "ntp1.example", nts = true }]')
    inventory = read_inventory(Path("site.toml"))
    text = "\n".join(lines_of("any host", inventory.levels, inventory.defaults))
    assert "\n  asks: ntp1.example with NTS\n" in text
