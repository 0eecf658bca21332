"""The HTML page: its parts, its size, and that a text from a host stays a text."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from provision.common.results import Finding
from provision.host.target import Kind, Target
from provision.output.page import MOST_POINTS, thinned
from provision.output.report import Report
from tests.helpers.page_samples import page, reports
from tests.unit.output.test_status import FAULT, LOST, SOURCE

EVIL = "<script>alert(1)</script>"
MB = 1_000_000


class Elements(HTMLParser):
    """Collect the elements of a page, with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def details(text: str) -> list[dict[str, Any]]:
    """Return the data of a page."""
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    made: list[dict[str, Any]] = json.loads(found[1])
    return made


def hostile() -> Report:
    """Return a report in which each text that a host or a site chooses is an element."""
    (report, *_) = reports(0, 5)
    assert report.status is not None
    sources = tuple(replace(source, name=EVIL, address=EVIL) for source in report.status.sources)
    assert report.history is not None
    return replace(
        report,
        host=Target(text=EVIL, kind=Kind.SSH, address="192.0.2.1"),
        platform=EVIL,
        status=replace(report.status, generation=EVIL, release=EVIL, key_ids=EVIL, sources=sources),
        findings=[Finding(id="x", claim=EVIL, subject=EVIL, holds=False, seen=f"{EVIL}\u2028\u202e&'\"")],
        history=tuple(replace(event, who=EVIL, generation=EVIL, when=EVIL) for event in report.history),
        notes=[EVIL],
        error=EVIL,
        source_points=tuple(replace(point, source=EVIL) for point in report.source_points),
    )


def test_a_host_called_script_is_a_text() -> None:
    seen = Elements(page([hostile()], plots=False))
    usual = Elements(page(reports(0, 5)[:1], plots=False))
    assert seen.names.count("script") == usual.names.count("script") == 2
    assert EVIL in seen.texts
    assert [name for name, _ in seen.attributes if name.startswith("on")] == []


def test_data_from_a_host_ends_no_script_and_is_read_as_it_was() -> None:
    text = page([hostile()], plots=False)
    (host,) = details(text)
    assert ["FAILED", f"{EVIL}: {EVIL}", EVIL + "\\u2028\\u202e&'\""] in host["findings"]
    assert host["sources"][0][0] == EVIL
    assert ["note", EVIL] in host["facts"]


def test_the_page_forbids_each_request_and_each_script_but_its_own() -> None:
    text = page(reports(1, 5))
    policy = re.search('http-equiv="Content-Security-Policy" content="(.*?)"', text)
    assert policy is not None
    assert policy[1].replace("&#39;", "'").startswith("default-src 'none'; script-src 'sha256-")
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 3
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert digest in policy[1].replace("&#43;", "+")
    elements = Elements(re.sub("<script>.*?</script>", "", text, flags=re.DOTALL))
    links = [value for name, value in elements.attributes if name in {"src", "href", "action", "srcset", "data"}]
    assert all(link.startswith("#") or link == "data:," for link in links)


def test_the_table_and_the_failures_are_read_without_scripts() -> None:
    text = "\n".join(Elements(page(reports(6, 5), plots=False)).texts)
    for words in (
        "web5",
        "not so: enough sources can be selected",
        "web5: 1 of 3, limit 2",
        "weather stations",
        "FAILED",
    ):
        assert words in text


def test_a_host_that_was_not_reached_is_in_the_page() -> None:
    (report, *_) = reports(0, 5)
    gone = Report(host=report.host, error="ntp1: no route to host")
    text = page([gone], plots=False)
    assert "ntp1: no route to host" in text
    assert details(text)[0]["clock"] == [[], [], [], []]


def test_the_details_have_the_clock_over_time() -> None:
    (host,) = details(page(reports(0, 50)[:1], plots=False))
    times, offsets, bounds, frequencies = host["clock"]
    assert len(times) == len(offsets) == len(bounds) == len(frequencies) == 51
    assert times[1] == 64
    assert set(host["offsets"]) == {"203.0.113.1", "203.0.113.2", "203.0.113.3"}


def test_the_details_say_why_a_source_gives_no_time() -> None:
    (report, *_) = reports(0, 5)
    assert report.status is not None
    report.status = replace(report.status, sources=(SOURCE, LOST))
    (host,) = details(page([report], plots=False))
    assert ["no time from ntp2.example.net", str(FAULT)] in host["facts"]
    assert [label for label, _ in host["facts"] if "no time" in label] == ["no time from ntp2.example.net"]


def test_a_page_without_the_library_of_plots_says_how_to_get_it() -> None:
    assert "pip install" in page(reports(0, 5), plots=False)
    assert "pip install" not in page(reports(0, 5)).partition("<script")[2].rpartition("<script>")[0]


@pytest.mark.slow
def test_a_page_of_a_thousand_hosts_is_below_five_megabytes() -> None:
    assert len(page(reports(997, 300)).encode()) < 5 * MB


@pytest.mark.parametrize(("number", "most"), [(0, 20), (1, 20), (20, 20), (21, 20), (1000, 20), (1000, 300)])
def test_thinned_points_have_the_first_and_the_last(number: int, most: int) -> None:
    points = list(range(number))
    some = list(thinned(points, most))
    assert len(some) == min(number, most)
    assert some[:1] + some[-1:] == points[:1] + points[-1:]
    assert sorted(set(some)) == some


def test_fewer_points_are_tried_in_turn() -> None:
    assert sorted(MOST_POINTS, reverse=True) == list(MOST_POINTS)
