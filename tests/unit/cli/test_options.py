"""How each option is parsed: its type, its limits, its one default, and its error in one line."""

import os
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provision import keys
from provision.cli import key_options, options, values
from provision.cli.option import Option, options_of
from provision.cli.options import Options, SandboxOptions
from provision.common.errors import UsageError
from provision.fleet.executor import Fleet
from provision.host.sandbox.platforms import ARCHITECTURES
from provision.keys import ledger
from provision.keys.export import FORMATS
from provision.site.settings import RunOptions

KINDS = (
    Options,
    options.BuildOptions,
    options.VerifyOptions,
    options.StatusOptions,
    options.ImportOptions,
    options.BundleOptions,
    # --addresses of tasks about keys is a flag, and the argument of "access" a value: the last one is in the table.
    key_options.KeysOptions,
    key_options.RetireOptions,
    key_options.RotateOptions,
    options.AccessOptions,
    options.SiteOptions,
    options.ReportOptions,
    key_options.AddOptions,
    key_options.LintOptions,
    key_options.ExportOptions,
)
OPTIONS: dict[str, Option] = {}
for kind in KINDS:
    OPTIONS |= options_of(kind)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with one file and one folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


PLATFORM = f"bookworm/{ARCHITECTURES[os.uname().machine]}"
PARSED = [
    ("watch", "7", 7),
    ("host", "ntp1", "ntp1"),
    ("addresses", "10.0.0.1  ::1", ("10.0.0.1", "::1")),
    ("limit", "servers", "servers"),
    ("exclude", "servers", "servers"),
    ("site", "a/site.toml", Path("a/site.toml")),
    ("site", "", None),
    ("json", "report.json", Path("report.json")),
    ("json", "folder/report.json", Path("folder/report.json")),
    ("metrics", "chrony.prom", Path("chrony.prom")),
    ("metrics", "-", Path("-")),
    ("junit", "report.xml", Path("report.xml")),
    ("markdown", "-", Path("-")),
    ("chrony", "4.9", "4.9"),
    ("chrony", "4.9-pre1", "4.9-pre1"),
    ("chrony", "", ""),
    ("nettle", "3.10.2", "3.10.2"),
    ("nettle", "system", "system"),
    ("sources", "folder", Path("folder")),
    ("sources", "", None),
    ("bundle", "file", Path("file")),
    ("html", "folder/report.html", Path("folder/report.html")),
    ("earlier", "file", Path("file")),
    ("sync_timeout", "0", 0),
    ("sync_timeout", "9999", 9999),
    ("lock_timeout", "0", 0),
    ("lock_timeout", "86400", 86400),
    ("confirm_timeout", "15", 15),
    ("confirm_timeout", "3600", 3600),
    ("parallel", "1", 1),
    ("parallel", "0064", 64),
    ("parallel", "1000", 1000),
    ("max_failures", "1", 1),
    ("max_failures", "1000000", 1_000_000),
    ("scheduler", "tls://dask1:8786", "tls://dask1:8786"),
    ("platform", PLATFORM, PLATFORM),
    ("to", "28f0", "28f0"),
    ("count", "1", 1),
    ("count", "1000000", 1_000_000),
    ("id", "4294967295", 4294967295),
    ("length", "1", 1),
    ("length", "512", 512),
    ("unused_for", "30d", timedelta(days=30)),
    ("unused_for", "12h", timedelta(hours=12)),
    ("overlap", "0", 0),
    ("overlap", "3650", 3650),
    ("type", "AES256", "AES256"),
    ("label", "weather stations", "weather stations"),
    ("format", "coresntp", "coresntp"),
    ("server", "ntp1.example.com", "ntp1.example.com"),
    ("to_folder", "devices", Path("devices")),
    ("ids", "7,9", "7,9"),
    ("kind", "ntpsec", "ntpsec"),
    ("file", "site.bundle", "site.bundle"),
    ("evidence", "new", Path("new")),
    ("check_evidence", "folder", Path("folder")),
    ("rules", "cis", "cis"),
    ("sign_key", "file", Path("file")),
    ("sign_passphrase", "file", Path("file")),
    ("sign_cert", "file", Path("file")),
]


@pytest.mark.parametrize(("name", "text", "value"), PARSED)
def test_a_text_becomes_a_value(name: str, text: str, value: object) -> None:
    parsed = OPTIONS[name].parse(text)
    assert parsed == value
    assert isinstance(parsed, type(value))


REFUSED = [
    ("sync_timeout", "10000", "expected a number of seconds from 0 to 9999"),
    ("lock_timeout", "86401", "expected a number of seconds from 0 to 86400"),
    ("confirm_timeout", "14", "expected a number of seconds from 15 to 3600"),
    ("confirm_timeout", "3601", "expected a number of seconds from 15 to 3600"),
    ("parallel", "0", "expected a number of hosts from 1 to 1000"),
    ("parallel", "1001", "expected a number of hosts from 1 to 1000"),
    ("parallel", "", "expected a number of hosts from 1 to 1000"),
    ("max_failures", "0", "expected a number of hosts from 1 to 1000000"),
    ("max_failures", "1000001", "expected a number of hosts from 1 to 1000000"),
    ("count", "0", "expected a number of keys from 1 to 1000000"),
    ("id", "0", "expected a key id from 1 to 4294967295"),
    ("id", "4294967296", "expected a key id from 1 to 4294967295"),
    ("length", "0", "expected a number of bytes from 1 to 512"),
    ("length", "513", "expected a number of bytes from 1 to 512"),
    ("unused_for", "30", "expected days or hours, such as 30d or 12h, at most 400d"),
    ("unused_for", "0d", "expected days or hours, such as 30d or 12h, at most 400d"),
    ("unused_for", "401d", "expected days or hours, such as 30d or 12h, at most 400d"),
    ("overlap", "3651", "expected a number of days from 0 to 3650"),
]


@pytest.mark.parametrize(("name", "text", "words"), REFUSED)
def test_a_number_beyond_the_limits_of_its_option_is_refused(name: str, text: str, words: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(UsageError) as caught:
        OPTIONS[name].parse(text)
    assert str(caught.value) == f"{flag} {text}: {words}"


PARSERS = {
    "addresses": values.ip_addresses,
    "json": values.new_file_or_standard_output,
    "metrics": values.new_regular_file_or_standard_output,
    "junit": values.new_file_or_standard_output,
    "markdown": values.new_file_or_standard_output,
    "sources": values.existing_folder,
    "bundle": values.existing_file,
    "evidence": values.new_folder,
    "check_evidence": values.existing_folder,
    "sign_key": values.existing_file,
    "sign_passphrase": values.existing_file,
    "sign_cert": values.existing_file,
    "html": values.new_regular_file,
    "earlier": values.existing_file,
    "chrony": values.chrony_version,
    "kind": values.program_kind,
    "nettle": values.nettle_version,
    "scheduler": values.scheduler_address,
    "platform": values.debian_platform,
    "format": values.key_format,
    "type": values.key_type,
    "unused_for": values.span_of_time,
    "server": values.address,
}


def test_each_other_value_has_the_parser_of_its_kind() -> None:
    others = {name: option.parser for name, option in OPTIONS.items() if option.kind is not int}
    plain = (values.verbatim, values.any_path)
    assert {name: parser for name, parser in others.items() if parser not in plain} == PARSERS


def test_the_table_has_each_option_that_takes_a_value() -> None:
    takes_a_value = {name for name, option in OPTIONS.items() if option.kind is not bool}
    assert {name for name, *_ in PARSED} == takes_a_value


@pytest.mark.parametrize(
    ("text", "ahead"),
    [("40 days behind", timedelta(days=-40)), ("9999 hours ahead", timedelta(hours=9999)), ("", None)],
)
def test_the_error_of_a_clock_is_given_in_the_words_of_a_report(text: str, ahead: timedelta | None) -> None:
    assert options_of(SandboxOptions)["clock"].parse(text) == ahead


@pytest.mark.parametrize("text", ["-40 days", "40 weeks behind", "10000 days ahead"])
def test_other_words_about_a_clock_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--clock .*: expected words such as '40 days behind' or '3 hours ahead'$"):
        options_of(SandboxOptions)["clock"].parse(text)


DEFAULTS: dict[str, Any] = {
    "host": (),
    "limit": (),
    "exclude": (),
    "site": None,
    "json": None,
    "junit": None,
    "markdown": None,
    "accept_new": False,
    "chrony": "",
    "nettle": "",
    "sources": None,
    "bundle": None,
    "unit_tests": False,
    "sync_timeout": 60,
    "lock_timeout": 0,
    "confirm_timeout": 90,
    "parallel": 16,
    "max_failures": None,
    "retry": False,
    "scheduler": "",
    "no_activate": False,
    "replace": False,
    "diff": False,
    "to": "",
    "purge": False,
}


def test_the_defaults() -> None:
    made = Options()
    assert {declared.name: getattr(made, declared.name) for declared in fields(made)} == DEFAULTS


@pytest.mark.parametrize("kind", [RunOptions, Fleet])
def test_further_in_there_are_no_second_defaults(kind: type) -> None:
    with pytest.raises(TypeError, match="missing"):
        kind()


def test_a_number_shows_its_default_in_its_help() -> None:
    shown = {name: option.help for name, option in OPTIONS.items() if option.kind is int}
    assert shown["parallel"].endswith(" (default: 16)")
    assert all("(default: " in help_ for help_ in shown.values())


def test_options_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Options().parallel = 2  # type: ignore[misc]


def test_site_toml_is_the_site_file_if_it_exists(folder: Path) -> None:
    assert Options().site_file is None
    assert Options(site=Path("other.toml")).site_file == Path("other.toml")
    (folder / "site.toml").touch()
    assert Options().site_file == options.SITE_FILE
    assert Options(site=Path("other.toml")).site_file == Path("other.toml")


def test_the_parts_take_their_values() -> None:
    made = Options(
        site=Path("other.toml"),
        chrony="4.8",
        nettle="system",
        sources=Path("folder"),
        bundle=Path("file"),
        unit_tests=True,
        accept_new=True,
        sync_timeout=1,
        lock_timeout=2,
        confirm_timeout=33,
        replace=True,
        parallel=4,
        max_failures=5,
        scheduler="tls://dask1:8786",
    )
    assert made.run_options == RunOptions(
        site_file=Path("other.toml"),
        chrony="4.8",
        nettle="system",
        sources=Path("folder"),
        offline=True,
        unit_tests=True,
        accept_new=True,
        sync_timeout=1,
        lock_timeout=2,
        confirm_timeout=33,
        replace=True,
    )
    assert made.fleet == Fleet(parallel=4, max_failures=5, scheduler="tls://dask1:8786")
    assert not Options().run_options.offline


def test_the_folder_without_a_site_is_that_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Options().run_options.folder_without_site == str(tmp_path)
    (tmp_path / "site.toml").write_text("")
    assert (Options().run_options.folder_without_site, Options().no_site_hint) == ("", "")


def test_limits_and_formats_are_those_of_the_key_file() -> None:
    assert key_options.LARGEST_ID == keys.MAX_ID
    assert key_options.MOST_KEYS == ledger.MOST
    assert all(name in OPTIONS["format"].help for name in FORMATS)
