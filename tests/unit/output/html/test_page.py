"""The HTML page: its parts, its size, and that a text from a host stays a text."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from provision.chrony.clock_log import ClockPoint
from provision.cli.report_page import html_below, html_of
from provision.common.results import Finding
from provision.deploy.render import template_text
from provision.host.target import Kind, Target
from provision.output.html.details import LEVELS, MOST_LINES, record_of
from provision.output.html.page import page_of, with_details
from provision.output.report import Report
from tests.helpers.page_samples import NOW, SECONDS, page, reports
from tests.helpers.status_samples import FAULT, LOST, SOURCE

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
    assert set(host["offsets"]) == {"time1.example.net", "time2.example.net", "time3.example.net"}


def test_the_details_say_why_a_source_gives_no_time() -> None:
    (report, *_) = reports(0, 5)
    assert report.status is not None
    report.status = replace(report.status, sources=(SOURCE, LOST))
    (host,) = details(page([report], plots=False))
    assert [(source[0], source[-1]) for source in host["sources"]] == [(SOURCE.name, ""), (LOST.name, str(FAULT))]


def test_a_page_without_the_library_of_plots_says_how_to_get_it() -> None:
    assert "pip install" in page(reports(0, 5), plots=False)
    assert "pip install" not in page(reports(0, 5)).partition("<script")[2].rpartition("<script>")[0]


YEAR = [
    ClockPoint(
        time_seconds=SECONDS - 86400 * day,
        offset_seconds=1e-3 / day,
        error_bound_seconds=2e-3,
        frequency_ppm=-3.5,
    )
    for day in range(1, 366)
]
"""The clock of a host in a report of each day."""


@pytest.mark.slow
def test_a_page_of_a_thousand_hosts_with_a_year_of_logs_is_below_five_megabytes() -> None:
    hosts = reports(997, 900)
    text = page(hosts, earlier={str(report.host): YEAR for report in hosts})
    assert len(text.encode()) < 5 * MB
    assert "So that this file stays small" in text
    made = details(text)
    assert all(len(host["clock"][0]) >= 20 for host in made)
    assert made[0]["thinned"].endswith("of 1266 points of the clock, 39 of 900 points of the sources.")
    # The largest offset of the year is that of yesterday.
    assert max(made[0]["clock"][1]) == 1_000_000
    assert made[0]["ranges"][0][3] == "+1 ms"


def test_a_page_on_which_nothing_is_left_out_says_nothing_about_it() -> None:
    text = page(reports(6, 50), plots=False)
    assert 'id="thinned"' not in text
    assert all("thinned" not in host for host in details(text))


@pytest.mark.parametrize("limit", [200_000, 60_000, 1])
def test_less_of_the_past_is_tried_until_the_page_is_small_enough(limit: int) -> None:
    hosts = reports(17, 300)
    values = page_of(hosts, site="site.toml", time=NOW, names={}, keys=())
    records = [record_of(report, (), NOW) for report in hosts]
    sizes = [len(html_of(with_details(values, records, level), ()).encode()) for level in LEVELS]
    assert sizes == sorted(sizes, reverse=True)
    text = html_below(limit, values, records, ())
    fitting = [size for size in sizes if size <= limit] or sizes[-1:]
    assert len(text.encode()) == fitting[0]


SCHEMES = ("light", "dark")


def colours(scheme: str) -> dict[str, str]:
    """Return the colours of the style sheet by name."""
    blocks = re.findall(r":root \{(.*?)\}", template_text("report.css"), re.DOTALL)
    return dict(re.findall(r"--(\w+): (#[0-9a-f]+);", blocks[SCHEMES.index(scheme)]))


def channels(colour: str) -> list[float]:
    """Return red, green and blue between 0 and 1."""
    digits = colour[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]


def inverted(rgb: list[float]) -> list[float]:
    """Return what the style sheet makes of a colour of a plot in the dark scheme: invert(1) hue-rotate(180deg)."""
    red, green, blue = (1 - each for each in rgb)
    # Filter Effects, hue-rotate, with a cosine of -1.
    turned = (
        -0.574 * red + 1.43 * green + 0.144 * blue,
        0.426 * red + 0.43 * green + 0.144 * blue,
        0.426 * red + 1.43 * green - 0.856 * blue,
    )
    return [min(max(each, 0), 1) for each in turned]


def luminance(rgb: list[float]) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast ratio (WCAG 2.2)."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("behind", ["back", "panel"])
@pytest.mark.parametrize("name", ["text", "soft", "focus", "good", "plain", "bad"])
def test_each_text_has_enough_contrast(name: str, behind: str, scheme: str) -> None:
    known = colours(scheme)
    assert contrast(channels(known[name]), channels(known[behind])) >= 4.5


def test_each_line_of_a_plot_has_enough_contrast() -> None:
    (words,) = re.findall(r"COLOURS = \[(.*?)\]", template_text("report.js"))
    lines = [channels(colour) for colour in json.loads(f"[{words}]")]
    assert len(lines) == MOST_LINES
    for line in lines:
        assert contrast(line, channels(colours("light")["back"])) >= 4.5
        assert contrast(inverted(line), channels(colours("dark")["back"])) >= 4.5
