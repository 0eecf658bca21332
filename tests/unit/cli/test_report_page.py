"""The task report, up to the file that it writes."""

from datetime import date
from pathlib import Path

import pytest

from provision.cli.options import ReportOptions
from provision.cli.report_page import _size, key_rows, write_page
from provision.common.errors import NotRecorded, ProvisionError, UsageError
from provision.deploy.secrets import Secrets
from provision.fleet.executor import Fleet
from provision.host.sudo import SudoPasswords
from provision.keys.reader import KeyReader
from provision.output.report import Report
from provision.site.inventory import read_inventory
from tests.helpers.page_samples import reports

SITE = """
[time]
servers = [{ address = "192.0.2.1" }]
[keys]
file = "chrony.keys"
[groups.servers.serve]
role = "server"
[hosts.ntp1]
group = "servers"
address = "198.51.100.1"
[hosts.ntp2]
group = "servers"
address = "198.51.100.2"
"""
KEYS = """
# added 2026-11-01: machines
1 AES128 HEX:000102030405060708090A0B0C0D0E0F
# added 2026-11-20: stations
2 AES128 HEX:100102030405060708090A0B0C0D0E0F
# added 2026-11-20: stations
3 AES128 HEX:200102030405060708090A0B0C0D0E0F
"""
TODAY = date(2026, 11, 28)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a site file with two servers and three keys."""
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    keys = tmp_path / "chrony.keys"
    keys.write_text(KEYS)
    keys.chmod(0o600)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """Return the reports that hosts will have."""
    made = reports(1, 5)
    monkeypatch.setattr(Fleet, "run", lambda *_, **__: made)
    return made


def write(page: Path, site: Path, *earlier: Path) -> int:
    """Run the task."""
    return write_page(ReportOptions(html=page, site=site, earlier=earlier), Secrets(KeyReader(), SudoPasswords(None)))


def test_the_page_is_written_and_never_has_a_key(
    site: Path, asked: list[Report], capsys: pytest.CaptureFixture[str]
) -> None:
    page = site.with_name("page.html")
    assert write(page, site) == 0
    text = page.read_text()
    assert all(str(report.host) in text for report in asked)
    assert "stations" in text
    assert "0102030405060708" not in text
    assert f"{page}: written, 1." in capsys.readouterr().out


def test_a_page_that_cannot_be_written_is_an_error(site: Path, asked: list[Report]) -> None:
    assert asked
    with pytest.raises(NotRecorded, match="cannot be written"):
        write(site.parent / "gone/page.html", site)


def test_a_wrong_earlier_report_replaces_the_json_of_an_earlier_command(site: Path) -> None:
    json, wrong = site.with_name("report.json"), site.with_name("wrong.json")
    json.write_text("of yesterday")
    wrong.write_text("[]")
    options = ReportOptions(html=site.with_name("page.html"), site=site, earlier=(wrong,), json=json)
    with pytest.raises(ProvisionError, match=r"wrong\.json"):
        write_page(options, Secrets(KeyReader(), SudoPasswords(None)))
    assert "wrong.json" in json.read_text()


def test_the_page_and_the_report_need_files_of_their_own(site: Path) -> None:
    page = site.with_name("page.html")
    options = ReportOptions(html=page, site=site, json=page)
    with pytest.raises(UsageError, match=r"^--html .*/page\.html: --json is written there, too; name another file$"):
        write_page(options, Secrets(KeyReader(), SudoPasswords(None)))
    assert not page.exists()


def test_an_error_of_the_page_is_in_the_report(site: Path, asked: list[Report]) -> None:
    assert asked
    report = site.with_name("report.json")
    options = ReportOptions(html=site.parent / "gone/page.html", site=site, json=report)
    with pytest.raises(NotRecorded, match="cannot be written"):
        write_page(options, Secrets(KeyReader(), SudoPasswords(None)))
    assert '"exit_status": 1' in report.read_text()


def test_the_size_of_the_page_has_a_fitting_unit() -> None:
    assert [_size(octets) for octets in (7_300, 1_440_000)] == ["7 kB", "1.4 MB"]


def test_the_page_is_required() -> None:
    with pytest.raises(UsageError, match="--html"):
        write_page(ReportOptions(), Secrets(KeyReader(), SudoPasswords(None)))


def test_equal_keys_with_consecutive_ids_are_one_row(site: Path) -> None:
    rows = key_rows(read_inventory(site), KeyReader(), TODAY)
    assert [(row.ids, row.age, row.label, row.used_by) for row in rows] == [
        ("1", "27 days", "machines", "devices"),
        ("2-3", "8 days", "stations", "devices"),
    ]


def test_a_page_without_the_right_to_read_keys_has_none(site: Path) -> None:
    site.with_name("chrony.keys").write_text("no key file")
    assert key_rows(read_inventory(site), KeyReader(), TODAY) == ()
