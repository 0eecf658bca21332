"""The HTML page in a real browser, Debian's chromium.

No error and no request; search, sort and plots; by keyboard, for a screen reader, and on paper.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.helpers.browser import PROGRAM, Browser, chromium
from tests.helpers.page_samples import FALSE, page, reports

pytestmark = pytest.mark.integration
INSTALL = """
export DEBIAN_FRONTEND=noninteractive
for attempt in 1 2 3 4 5 6 7 8 9; do
    apt-get -qq update
    apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends chromium && exit
    sleep 10
done
exit 1
"""
"""Other tests use apt on this machine at the same time, and apt-get update does not wait for their lock."""
WIDTHS = [(1300, "light"), (800, "dark"), (390, "dark"), (320, "light")]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Return a browser, which is installed first if it has to be."""
    if shutil.which(PROGRAM) is None:
        subprocess.run(["sh", "-c", INSTALL], check=True, stdout=subprocess.DEVNULL)
    with chromium(tmp_path / "profile") as one:
        yield one


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a small site, of which one host fails, and the clock of another one is not known."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    *hosts, last = reports(6, 300)
    assert last.status is not None
    sources = tuple(replace(source, name=f"<i>{source.name}</i>") for source in last.status.sources)
    last = replace(last, status=replace(last.status, clock=None, sources=sources), clock_points=())
    path.write_text(page([*hosts, last]))
    return path


DRAWN = """new Promise(done => {
    const look = () => {
        const plots = [...document.querySelectorAll(".plot")];
        if (plots.every(plot => plot.childElementCount > 0)) setTimeout(done, 300);
        else setTimeout(look, 50);
    };
    look();
})"""
"""A promise of the time when all plots are drawn."""


def open_host(browser: Browser, body: str) -> None:
    """Open the details of the first host of these table bodies, and wait for its plots."""
    browser.run(f"document.querySelector('{body} button').click()")
    browser.run(DRAWN)


@pytest.mark.parametrize(("clients", "found"), [(6, 1), (997, 4)])
def test_the_page_works_without_an_error_or_a_request(
    clients: int, found: int, browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(reports(clients, 60)))
    browser.open(file)
    total = clients + 3
    search = "search.dispatchEvent(new Event('input')); shown.textContent"
    assert browser.run(f"search.value = 'web5 failed'; {search}") == f"{found} of {total} hosts"
    assert browser.run(f"search.value = ''; {search}") == f"{total} of {total} hosts"
    browser.run("document.querySelectorAll('#table thead button')[5].click()")
    first = "table.tBodies[0].rows[0].cells[5].dataset.v"
    least = browser.run("Math.min(...[...table.tBodies].map(body => body.rows[0].cells[5].dataset.v))")
    assert float(browser.run(first)) == least
    assert browser.run("document.querySelectorAll('#table thead th')[5].getAttribute('aria-sort')") == "ascending"
    open_host(browser, "#table tbody")
    assert browser.run("document.querySelectorAll('.plot').length") == 4
    assert browser.run("[...document.querySelectorAll('.plot')].every(plot => plot.childElementCount > 0)")
    first_plot = "document.querySelector('.plot > *')"
    for width, scheme in WIDTHS:
        browser.resize(width, 900, scheme)
        turned = browser.run(f"getComputedStyle({first_plot}).filter.startsWith('invert')")
        assert turned is (scheme == "dark")
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), width
        browser.screenshot(tmp_path / f"{width}.png")
    assert browser.errors == []
    assert browser.requests == [file.as_uri()]


FOCUS = """(() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const name = one.getAttribute("aria-label") || one.labels?.[0]?.textContent || one.textContent;
    return one === document.body ? null : [one.tagName.toLowerCase(), name.trim().replace(/\\s+/g, " "), seen];
})()"""
"""The element with the focus: its name, the text that it is known by, and whether one sees that it has the focus."""


def tab(browser: Browser) -> tuple[str, str]:
    """Go to the next control, and return its element and text; both are empty behind the last one."""
    browser.press("Tab")
    found = browser.run(FOCUS)
    if found is None:
        return "", ""
    name, text, seen = found
    assert seen, f"one does not see that {text} has the focus"
    return name, text


def tab_to(browser: Browser, text: str) -> None:
    """Go on to the control with this text."""
    for _ in range(100):
        if tab(browser)[1] == text:
            return
    pytest.fail(f"{text} is not reached")


def test_everything_is_reached_in_order_and_used_by_keyboard(browser: Browser, file: Path) -> None:
    browser.open(file)
    controls = list(iter(lambda: tab(browser), ("", "")))
    assert controls[:12] == [
        ("a", "Skip to the hosts"),
        *[("a", name) for name in ("Failures", "Who follows whom", "Hosts", "Keys")],
        ("summary", "✗ not so: enough sources can be selected (1)"),
        ("div", "Drawing, which scrolls sideways"),
        ("summary", "Who follows whom, as text"),
        ("input", "Search"),
        ("input", "only failures"),
        ("div", "Table of hosts, which scrolls sideways"),
        ("button", "host"),
    ]
    assert [text for name, text in controls if name == "button"][-4:] == ["web3", "web4", "web5", "web6"]
    assert controls[-1] == ("div", "Table of keys, which scrolls sideways")

    browser.open(file)
    assert tab(browser)[1] == "Skip to the hosts"
    browser.press("Enter")
    assert browser.run("location.hash") == "#hosts"
    assert tab(browser)[1] == "Search"
    tab_to(browser, "offset")
    order = "document.querySelectorAll('#table thead th')[5].getAttribute('aria-sort')"
    browser.press("Enter")
    assert browser.run(order) == "ascending"
    browser.press("Space")
    assert browser.run(order) == "descending"
    assert browser.run("shown.textContent") == "9 of 9 hosts, by offset, descending"
    tab_to(browser, "web5")
    browser.press("Enter")
    opened = "document.activeElement.getAttribute('aria-expanded')"
    assert browser.run(opened) == "true"
    browser.run(DRAWN)
    range_ = "Bokeh.documents[0].roots()[0].x_range"
    length = f"{range_}.end - {range_}.start"
    whole = browser.run(length)
    inside = [tab(browser)[1]]
    browser.press("Enter")
    assert browser.run(length) == pytest.approx(whole / 2)
    inside += [tab(browser)[1] for _ in range(8)]
    tables = ["Values over time", "Sources", "Findings", "Generations"]
    times = ["Zoom in", "Zoom out", "Earlier", "Later", "Whole time"]
    assert inside == [*times, *(f"Table: {name}" for name in tables)]
    assert tab(browser)[0] == "button", "behind the details is the next host"


def test_a_screen_reader_gets_each_part_and_name(browser: Browser, file: Path) -> None:
    browser.open(file)
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    open_host(browser, "tbody.failed")
    told = browser.accessible()
    assert browser.run("document.documentElement.lang") == "en"
    # Of a host without a clock, the offsets from its sources are known.
    browser.run("[...document.querySelectorAll('tbody button')].at(-1).click()")
    browser.run(DRAWN)
    assert browser.run("[...document.querySelectorAll('.plots')].map(one => one.childElementCount)") == [4, 1]
    plot = "Bokeh.documents.at(-1).roots()[0]"
    assert browser.run(f"{plot}.renderers[0].name") == "?i?ntp1?/i?"
    assert browser.errors == []
    for part in (
        ("banner", ""),
        ("main", ""),
        ("navigation", "Parts of the page"),
        *[("region", name) for name in ("Failures", "Who follows whom", "Hosts", "Keys")],
        ("status", ""),
        ("searchbox", "Search"),
        ("checkbox", "only failures"),
        ("image", "Drawing of who follows whom; the list below it says the same as text"),
        ("image", "Plot: Offset. The table below the plots has its values."),
        ("group", "Time that the plots show"),
        *[("table", name) for name in ("Hosts and their clocks", "Values over time", "Sources", "Findings")],
        ("columnheader", "offset"),
        ("rowheader", "web5"),
        ("rowheader", "offset from ntp1"),
    ):
        assert part in told, part
    texts = {name for role, name in told if role == "StaticText"}
    assert "web5 follows ntp3: key 1, falseticker, not-selectable:falseticker" in texts
    assert f"ntp3 gives no time: {FALSE}" in texts
    for role in ("button", "link", "image", "table", "region", "columnheader", "rowheader"):
        assert all(name for each, name in told if each == role), role
    levels = browser.run("[...document.querySelectorAll('h1, h2, h3')].map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


PAPER = 703
"""Pixels between the margins of a sheet of A4."""


def test_on_paper_nothing_is_cut_dark_or_closed(browser: Browser, file: Path) -> None:
    browser.resize(1300, 900, "dark")
    browser.open(file)
    open_host(browser, "tbody.failed")
    browser.run(
        "let opened; addEventListener('beforeprint', () => {"
        " opened = document.querySelectorAll('details[open]').length; })"
    )
    before = browser.run("document.querySelectorAll('details[open]').length")
    assert 3 <= len(re.findall(rb"/Type /Page\b", browser.pdf())) <= 6
    assert browser.run("opened === document.querySelectorAll('details').length")
    assert browser.run("document.querySelectorAll('details[open]').length") == before
    browser.emulate_paper(PAPER, "dark")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('.plot > *')).filter") == "none"
    assert browser.run("document.documentElement.scrollWidth") <= PAPER
    drawn = "[...document.querySelectorAll('.plot > *')].map(one => one.getBoundingClientRect().right)"
    assert max(browser.run(drawn)) <= PAPER
    # Chromium leaves buttons out of headings that it repeats on each sheet.
    assert browser.run("getComputedStyle(table.tHead).display") == "table-header-group"
    assert browser.run("getComputedStyle(table.tHead.querySelector('button')).display") == "contents"
