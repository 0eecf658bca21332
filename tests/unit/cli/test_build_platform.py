"""Builds for a platform without a host: what is refused before anything is booted, and what is built in which order."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from provision.cli import build_platform
from provision.cli.build_platform import named, needed_settings
from provision.cli.options import BuildOptions, Options
from provision.common.errors import SandboxError, SiteError, UsageError
from provision.deploy.build import build
from provision.host.sandbox.sandbox import Sandbox
from provision.host.target import Kind
from provision.site.settings import Settings
from tests.helpers.command_secrets import make_secrets

SITE = """
[groups.servers]
build.on = "sandbox"
[groups.clocks]
time.extra = ["refclock PPS /dev/pps0"]
[hosts]
ntp1 = { group = "servers" }
ntp2 = { group = "servers", host = "admin@192.0.2.2" }
gps1 = { group = "clocks" }
gps2 = { group = "clocks", build.confirm = 2 }
"""
ROOM = Sandbox(
    name="build-bookworm-1", suite="bookworm", address="198.19.0.9", root=Path("/r"), key=Path("/k"), host_key="k"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64", nodename="laptop"))
    return tmp_path


def options(folder: Path, site: str = SITE) -> BuildOptions:
    (folder / "site.toml").write_text(site)
    return BuildOptions(site=folder / "site.toml", platform="bookworm/amd64", json=folder / "report.json")


def run(given: BuildOptions) -> int:
    return build_platform.build_platform(given, make_secrets())


def test_hosts_that_need_the_same_are_built_for_once(folder: Path) -> None:
    found = needed_settings(options(folder), make_secrets())
    assert list(found) == ["ntp1", "gps1"]
    assert [one.site.needs_pps for one in found.values()] == [False, True]
    chosen = needed_settings(replace(options(folder), limit=("clocks",)), make_secrets())
    assert list(chosen) == ["gps1"]


def test_a_site_without_hosts_is_built_for_as_for_any_host(folder: Path) -> None:
    (one,) = needed_settings(options(folder, "[build]\nnts = false\n"), make_secrets()).values()
    assert one.site.build.nts is False


def test_each_build_has_a_name_that_says_for_whom_and_compiles_where_it_is(folder: Path) -> None:
    settings = needed_settings(options(folder), make_secrets())
    pairs = named(settings, "bookworm/amd64", ROOM)
    assert [target.text for target, _ in pairs] == [
        "sandbox bookworm/amd64 for ntp1",
        "sandbox bookworm/amd64 for gps1",
    ]
    assert {(target.kind, target.sandbox) for target, _ in pairs} == {(Kind.SANDBOX, ROOM.name)}
    assert {one.site.build.on for _, one in pairs} == {"host"}
    (alone,) = named({"ntp1": settings["ntp1"]}, "bookworm/amd64", ROOM)
    assert alone[0].text == "sandbox bookworm/amd64"


@pytest.mark.parametrize(
    ("change", "site", "error", "words"),
    [
        pytest.param({"retry": True}, SITE, UsageError, "--retry is about hosts, and --platform", id="--retry"),
        pytest.param({"scheduler": "tls://a:1"}, SITE, UsageError, "--scheduler is about hosts", id="--scheduler"),
        pytest.param({"host": ("ntp9",)}, SITE, SiteError, "ntp9", id="no such host"),
        pytest.param({"host": ("ntp1",)}, "", UsageError, "the site lists none: leave it out", id="a host of no site"),
        pytest.param({}, "[build]\nnts = 1\n", SiteError, "build.nts", id="a fault of the site"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_booted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], site: str, error: type, words: str
) -> None:
    monkeypatch.setattr(build_platform, "throwaway", lambda *_, **__: pytest.fail("booted"))
    with pytest.raises(error, match=words):
        run(replace(options(folder, site), **change))  # type: ignore[arg-type]
    assert words in (folder / "report.json").read_text()


def test_the_sandbox_is_removed_when_the_builds_are_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    @contextmanager
    def throwaway(suite: str, **_: object) -> Iterator[Sandbox]:
        seen.append(suite)
        yield ROOM
        seen.append("removed")

    def fleet_run(
        _: object, operation: object, host_settings: list[tuple[object, Settings]], *__: object, **___: object
    ) -> None:
        assert operation is build
        seen.append(len(host_settings))
        raise SandboxError("the disk is full")

    monkeypatch.setattr(build_platform, "throwaway", throwaway)
    monkeypatch.setattr("provision.fleet.executor.Fleet.run", fleet_run)
    with pytest.raises(SandboxError, match="full"):
        run(options(folder))
    assert seen == ["bookworm", 2]


def test_one_build_is_made_at_a_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Options] = []

    def note(_: object, one: Options, __: object) -> list[object]:
        given.append(one)
        return []

    monkeypatch.setattr(build_platform.PlatformCommand, "run", note)
    assert run(options(folder)) == 0
    assert given[0].parallel == 1
