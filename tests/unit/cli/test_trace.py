"""The task ``trace``, as its user runs it, for hosts that nobody can reach."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provision.cli.trace import _failures, _judge, _key
from provision.common.results import Finding
from provision.host.target import parse_target
from provision.output.report import Report, exit_status
from provision.output.trace import End, Trace
from tests.helpers.prestarted import inv
from tests.helpers.report_schema import checked

SITE = """
[groups.servers]
[hosts]
ntp1 = { group = "servers", host = "127.0.0.1:1" }
ntp2 = { group = "servers", host = "127.0.0.1:1" }
"""
REFUSED = [
    pytest.param((), "error: no host; say --host NAME", id="no host"),
    pytest.param(("--host=servers",), "error: --host names 2 hosts; trace follows the time of one", id="two hosts"),
    pytest.param(("--host=ntp3",), "error: --host ntp3: no host or group of", id="an unknown host"),
]


@pytest.fixture
def site(tmp_path: Path) -> str:
    path = tmp_path / "site.toml"
    path.write_text(SITE.replace('ntp2 = { group = "servers", host = "127.0.0.1:1" }', 'ntp2 = { group = "servers" }'))
    return f"--site={path}"


@pytest.mark.parametrize(("words", "error"), REFUSED)
def test_it_follows_one_host_that_is_named(site: str, words: tuple[str, ...], error: str) -> None:
    done = inv("trace", site, *words)
    assert (done.returncode, done.stderr.startswith(error)) == (2, True), done


def test_a_host_that_cannot_be_reached_ends_the_path(site: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = inv("trace", site, "--host=ntp1", f"--json={report}", env={"XDG_STATE_HOME": str(tmp_path)})
    assert done.returncode == 2, done
    end = done.stdout.splitlines()[-1]
    assert end.startswith("end of the path: ntp1: ")
    path = checked(json.loads(report.read_text()))["trace"]
    assert (path["end"], path["hops"], path["words"]) == (
        "no-answer",
        [],
        end.removeprefix("end of the path: "),
    )


def test_a_claim_that_does_not_hold_on_a_host_of_the_path_is_named() -> None:
    failed = Finding(
        id="limits.sources", claim="enough sources can be selected", holds=False, seen="1 of 2\x1b, limit 2"
    )
    good = replace(failed, holds=True, seen="2 of 2, limit 2")
    reports = [
        Report(host=parse_target("web1"), tried=True, findings=[good, failed]),
        Report(host=parse_target("ntp1"), tried=True, findings=[good]),
    ]
    assert list(_failures(reports)) == [
        r'FAILED: web1: "enough sources can be selected" does not hold (1 of 2\x1b, limit 2)'
    ]


def test_a_path_that_is_a_loop_is_an_error_of_the_first_host() -> None:
    good = [Report(host=parse_target("web1"), tried=True), Report(host=parse_target("ntp1"), tried=True)]
    _judge(Trace(hops=(), end=End.OUTSIDE, words="outside"), good)
    assert exit_status(good) == 0
    _judge(Trace(hops=(), end=End.LOOP, words="loop"), good)
    assert (good[0].error, exit_status(good)) == ("loop", 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:DB8:0::7", "2001:db8::7"), ("NTP1.example.net.", "ntp1.example.net"), ("192.0.2.7", "192.0.2.7")],
)
def test_a_source_is_a_host_of_the_site_in_each_spelling_of_its_address(one: str, other: str) -> None:
    assert _key(one) == _key(other)


def test_the_error_of_a_host_on_the_path_is_enough() -> None:
    reports = [Report(host=parse_target("web1"), tried=True), Report(host=parse_target("ntp1"), error="refused")]
    _judge(Trace(hops=(), end=End.NO_ANSWER, words="refused"), reports)
    assert (reports[0].error, exit_status(reports)) == (None, 2)
