"""The HTML page in a real browser, Debian's chromium: no error, no request, and its search, sort and plots work."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import PROGRAM, Browser, chromium
from tests.helpers.page_samples import page, reports

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
WIDTHS = [(1300, "light"), (800, "dark"), (390, "dark")]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Return a browser, which is installed first if it has to be."""
    if shutil.which(PROGRAM) is None:
        subprocess.run(["sh", "-c", INSTALL], check=True, stdout=subprocess.DEVNULL)
    with chromium(tmp_path / "profile") as one:
        yield one


@pytest.mark.parametrize(("clients", "found"), [(6, 1), (997, 4)])
def test_the_page_works_without_an_error_or_a_request(
    clients: int, found: int, browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(reports(clients, 300)))
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
    browser.run("document.querySelector('#table tbody button').click(); new Promise(done => setTimeout(done, 1500))")
    assert browser.run("document.querySelectorAll('.plot').length") == 4
    assert browser.run("[...document.querySelectorAll('.plot')].every(plot => plot.childElementCount > 0)")
    for width, scheme in WIDTHS:
        browser.resize(width, 900, scheme)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth"), width
        browser.screenshot(tmp_path / f"{width}.png")
    assert browser.errors == []
    assert browser.requests == [file.as_uri()]
