"""The HTML page of generated sites: ``python -m benchmarks.page``; needs Debian's chromium, and takes half a minute.

Prints, for each number of hosts, the size of the page and the time in which chromium loads it from disk.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.helpers.browser import chromium
from tests.helpers.page_samples import page, reports

SIZES = (10, 100, 1000)
POINTS = 900
LOADED = "performance.timing.loadEventEnd - performance.timing.navigationStart"


def main() -> None:
    """Print the rows of the table in docs/performance.md."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium(Path(folder, "profile")) as browser:
        for hosts in SIZES:
            file = Path(folder, f"{hosts}.html")
            file.write_text(page(reports(hosts - 3, POINTS)))
            browser.open(file)
            seconds = browser.run(f"new Promise(done => setTimeout(() => done({LOADED}), 100))") / 1000
            print(f"| {hosts} | {file.stat().st_size / 1e6:.1f} MB | {seconds:.1f} s |")


if __name__ == "__main__":
    main()
