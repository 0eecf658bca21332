"""Collect the state of hosts, and write the HTML page that shows it."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from provision.cli.command import Command
from provision.cli.options import ReportOptions
from provision.cli.refused_report import refuse_same_file, write_refused
from provision.common.errors import NotRecorded, ProvisionError, SiteError, UsageError, os_error_text
from provision.common.files.write import write_whole
from provision.deploy.render import render_html, template_text
from provision.deploy.report import report
from provision.fleet.host_names import names_of
from provision.keys import Key
from provision.keys.ledger import notes, ranges
from provision.keys.reader import KeyReader
from provision.keys.source import KeySource
from provision.output.html.details import LEVELS, HostRecord, record_of
from provision.output.html.earlier import read_earlier
from provision.output.html.page import KeyRow, Page, page_of, with_details
from provision.output.html.plot_script import plot_scripts
from provision.output.report import Report, exit_status
from provision.site.inventory import Inventory, read_inventory
from provision.site.key_users import sources, user_names

if TYPE_CHECKING:
    from provision.deploy.secrets import Secrets

TEMPLATE, SCRIPT, STYLE = "report.html", "report.js", "report.css"
MOST_KEY_ROWS = 2000
MOST_BYTES = 4_900_000
"""Of the page: mail takes 5 MB."""
NO_PLOTS = "The page has no plots: they need the package bokeh (pip install 'chrony-provision[report]')"


def write_page(options: ReportOptions, secrets: "Secrets") -> int:
    """Ask the hosts, write the page, and return the exit status. Raises ProvisionError."""
    if options.html is None:
        raise UsageError("say --html FILE, the page to write")
    place = options.html
    refuse_same_file("html", place, options.report_paths, "report")
    # A wrong file, and an account without a home folder, are errors before any host is asked.
    try:
        earlier = read_earlier(options.earlier)
        scripts = plot_scripts()
    except ProvisionError as error:
        write_refused(options.report_paths, "report", str(error))
        raise
    inventory = read_inventory(options.site_file)
    begun = datetime.now(UTC)

    def finish(reports: list[Report]) -> None:
        page = page_of(
            reports,
            site=options.site_file.name if options.site_file else "hosts",
            time=begun,
            names=names_of(inventory, reports),
            keys=key_rows(inventory, secrets.keys, begun.date()),
        )
        records = [record_of(report, earlier.get(str(report.host), ()), begun) for report in reports]
        _write(place, html_below(MOST_BYTES, page, records, scripts))
        if not scripts:
            print(NO_PLOTS)
        print(f"{place}: written, {_size(place.stat().st_size)}")

    command = Command(task="report", operation=report, configures=False, tabulates=True)
    return exit_status(command.run(options, secrets, finish=finish))


def html_below(most_bytes: int, page: Page, records: Sequence[HostRecord], plots: Sequence[str]) -> str:
    """Return the text of the page with as much of each host's history as leaves it below so many bytes.

    Of very many hosts, the page with the least of it may be larger.
    """
    text = ""
    for level in LEVELS:
        text = html_of(with_details(page, records, level), plots)
        if len(text.encode()) <= most_bytes:
            break
    return text


def html_of(page: Page, plots: Sequence[str]) -> str:
    """Return the text of the page; ``plots`` are the scripts of the library that draws."""
    script = template_text(SCRIPT)
    return render_html(
        TEMPLATE,
        page=page,
        style=template_text(STYLE),
        script=script,
        plots=plots,
        no_plots=NO_PLOTS,
        script_hashes=[_digest(text) for text in (*plots, script)],
    )


def _digest(script: str) -> str:
    """Return a source of a Content Security Policy that permits this script alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def key_rows(inventory: Inventory, reader: KeyReader, today: date) -> tuple[KeyRow, ...]:
    """Return the keys of the site by id, age, label and use; none of a source that cannot be read."""
    rows: list[KeyRow] = []
    for source in sources(inventory):
        # A report is also for those who may not read the keys.
        with suppress(SiteError):
            rows += _rows(inventory, source, reader, today)
    return tuple(rows[:MOST_KEY_ROWS])


def _rows(inventory: Inventory, source: KeySource, reader: KeyReader, today: date) -> Iterator[KeyRow]:
    read = reader.read(source)
    if read is None:
        return
    text, keys = read
    known, users = notes(text), user_names(inventory, source, reader)

    def properties(key: Key) -> tuple[str, str, str, str]:
        age, label = "not known", ""
        note = known.get(key.id)
        if note is not None:
            age, label = note.age(today), note.label
        return key.type, age, label, ", ".join(users.get(key.id, ())) or "devices"

    for (kind, age, label, used_by), alike in groupby(keys, properties):
        ids = ranges(key.id for key in alike)
        yield KeyRow(ids=ids, type=kind, age=age, label=label, used_by=used_by)


def _size(octets: int) -> str:
    """Return the size of a file for people; a page without plots has a few kB."""
    if octets < 1_000_000:
        return f"{octets / 1e3:.0f} kB"
    return f"{octets / 1e6:.1f} MB"


def _write(path: Path, text: str) -> None:
    """Write the page. Raises NotRecorded."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise NotRecorded(f"--html {path}: cannot be written: {os_error_text(error)}") from error
