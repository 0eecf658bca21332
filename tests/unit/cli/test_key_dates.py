"""The days on which keys were added: from the notes of key files that can be read, and from nothing else."""

from datetime import date
from pathlib import Path

import pytest

from provision.cli import key_dates as module
from provision.cli.key_dates import key_dates
from provision.keys.reader import KeyReader
from provision.output.metrics import KeyDate

KEY = "HEX:00112233445566778899AABBCCDDEEF"
KEYS = f"# added 2026-01-02: hosts\n1 AES128 {KEY}1\n2 AES128 {KEY}2\n# added 2026-03-04\n7 AES128 {KEY}7\n"
USED = '[[time.servers]]\naddress = "ntp.example.net"\nkey = 7\n'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the site file of an operator with a key file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    key_file = tmp_path / "chrony.keys"
    key_file.write_text(KEYS)
    key_file.chmod(0o600)
    (tmp_path / "site.toml").write_text(f'{USED}[keys]\nfile = "chrony.keys"\n')
    return tmp_path / "site.toml"


def dates(site: Path) -> list[KeyDate]:
    return list(key_dates(site, KeyReader()))


def test_each_key_with_a_note_has_its_day(site: Path) -> None:
    file = str(site.parent / "chrony.keys")
    assert dates(site) == [
        KeyDate(file=file, id=1, added=date(2026, 1, 2)),
        KeyDate(file=file, id=7, added=date(2026, 3, 4)),
    ]


def test_of_many_keys_only_those_of_hosts_have_one(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 2)
    assert [key.id for key in dates(site)] == [7]


def test_a_file_that_others_may_read_or_that_is_wrong_or_missing_has_none(site: Path) -> None:
    key_file = site.parent / "chrony.keys"
    key_file.chmod(0o644)
    assert dates(site) == []
    key_file.chmod(0o600)
    key_file.write_text("1 AES128\n")
    assert dates(site) == []
    key_file.unlink()
    assert dates(site) == []


def test_a_command_is_not_run_and_a_wrong_site_has_none(site: Path) -> None:
    site.write_text(f'[keys]\ncommand = "touch {site.parent}/ran"\n')
    assert dates(site) == []
    assert not (site.parent / "ran").exists()
    site.write_text("[")
    assert dates(site) == []
