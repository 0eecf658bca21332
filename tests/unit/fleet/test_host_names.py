"""The hosts of reports by their names and addresses."""

from pathlib import Path

from provision.fleet.host_names import names_of
from provision.host.target import parse_target
from provision.output.report import Report
from provision.site.inventory import read_inventory


def test_a_host_is_known_by_its_name_its_address_and_that_of_the_site(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[groups.servers]\n[hosts]\nntp1 = { group = "servers", address = "198.51.100.1" }\n')
    report = Report(host=parse_target("ntp1"), address="10.0.0.1")
    names = names_of(read_inventory(site), [report])
    assert names == {"ntp1": "ntp1", "10.0.0.1": "ntp1", "198.51.100.1": "ntp1"}
