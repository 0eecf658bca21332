"""The hosts that failed last time, which --retry takes up."""

from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.fleet.retry import Failed
from provision.host.target import Target, parse_target
from provision.output.report import Report
from provision.site.settings import Settings
from tests.helpers.host_settings import make_settings


@pytest.fixture
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Failed:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Failed.of("deploy", Path("site.toml"))


def report(host: str, *, error: str | None = None) -> Report:
    return Report(host=parse_target(host), error=error, tried=True)


def host_settings(*hosts: str) -> list[tuple[Target, Settings]]:
    return [(parse_target(host), make_settings()) for host in hosts]


def again(failed: Failed) -> list[str]:
    return [str(target) for target, _ in failed.among(host_settings("a", "b", "c"))]


def test_a_failed_host_is_remembered_until_it_is_ok(failed: Failed) -> None:
    failed.note([report("a"), report("b", error="x"), report("c", error="x")])
    assert again(failed) == ["b", "c"]
    failed.note([report("b")])
    assert again(failed) == ["c"]
    failed.note([report("c")])
    with pytest.raises(SiteError, match="none of these hosts failed"):
        again(failed)


def test_tasks_and_sites_are_kept_apart(failed: Failed) -> None:
    failed.note([report("b", error="x")])
    for other in (Failed.of("verify", Path("site.toml")), Failed.of("deploy", None)):
        with pytest.raises(SiteError, match="leave --retry out"):
            again(other)
    assert again(Failed.of("deploy", Path.cwd() / "site.toml")) == ["b"]


def test_a_path_that_is_no_text_spoils_no_record(failed: Failed) -> None:
    failed.note([report("b", error="x")])
    odd = Failed.of("verify", Path("\udcff.toml"))
    odd.note([report("c", error="x")])
    assert again(failed) == ["b"]
    assert again(odd) == ["c"]


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_file_that_is_none_is_as_if_there_were_none(text: str, failed: Failed) -> None:
    failed.path.parent.mkdir(parents=True)
    failed.path.write_text(text)
    failed.note([report("b", error="x")])
    assert again(failed) == ["b"]


def test_what_cannot_be_noted_breaks_nothing(failed: Failed) -> None:
    failed.path.parent.write_text("a file")
    failed.note([report("b", error="x")])


def test_nothing_is_written_where_nothing_failed(failed: Failed) -> None:
    failed.note([report("a")])
    assert not failed.path.exists()
