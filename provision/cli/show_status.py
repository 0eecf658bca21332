"""Show the states of hosts: as text and, for monitoring systems, as metrics or as the output of a plugin."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime

from provision.cli import streams
from provision.cli.command import Command
from provision.cli.options import StatusOptions
from provision.cli.refused_report import refuse_same_file, write_refused
from provision.common.errors import NotRecorded, OutputUnread, ProvisionError, UsageError, os_error_text
from provision.common.files.open_file import STANDARD_OUTPUT
from provision.common.files.write import write_whole
from provision.deploy.secrets import Secrets
from provision.deploy.status import status
from provision.output.nagios import State, plugin_output, refusal
from provision.output.report import Report, exit_status

READABLE_BY_ALL = 0o644
"""node_exporter runs as an account of its own."""


def show_status(options: StatusOptions, secrets: Secrets) -> int:
    """Ask the hosts, write what the options want, and return the exit status. Raises ProvisionError."""
    if options.nagios:
        return _as_plugin(options, secrets)
    return exit_status(_ask(options, secrets))


def _refuse_watched_documents(options: StatusOptions) -> None:
    """Raise UsageError if a document is wanted, which is written once, while hosts are watched."""
    if options.watch is None or not (options.nagios or options.metrics):
        return
    why = "--watch shows a table; leave it out for --metrics and --nagios"
    write_refused(options.report_paths, "status", why)
    raise UsageError(why)


def _refuse_two_documents(options: StatusOptions) -> None:
    """Raise UsageError if two options want standard output for themselves."""
    paths = {**options.report_paths, "metrics": options.metrics}
    names = [f"--{name} -" for name, path in paths.items() if path == STANDARD_OUTPUT]
    if options.nagios:
        names.append("--nagios")
    if len(names) > 1:
        why = f"{' and '.join(names)}: only one of them can have standard output; name a file"
        files = {name: path for name, path in options.report_paths.items() if path != STANDARD_OUTPUT}
        write_refused(files, "status", why)
        raise UsageError(why)


def _refuse_closed_output(options: StatusOptions) -> None:
    """Raise UsageError if the metrics would go to a standard output that the caller has closed."""
    if options.metrics == STANDARD_OUTPUT and sys.__stdout__ is None:
        raise UsageError("--metrics -: standard output is closed; name a file")


def _as_plugin(options: StatusOptions, secrets: Secrets) -> int:
    """Print one state and its reasons, and nothing else: Icinga reads standard error, too."""
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 -- a device
            reports = _ask(options, secrets)
        state, text = plugin_output(reports)
    except OutputUnread:
        raise
    except ProvisionError as error:
        state, text = State.UNKNOWN, refusal(str(error))
    except OSError as error:
        state, text = State.UNKNOWN, refusal(os_error_text(error))
    except Exception as error:  # noqa: BLE001 -- a traceback ends with exit status 1, which is WARNING
        why = f"internal error: {type(error).__name__}; without --nagios, the command shows the traceback to report"
        state, text = State.UNKNOWN, refusal(why)
    print(text, flush=True)
    return state.value


def _ask(options: StatusOptions, secrets: Secrets) -> list[Report]:
    """Ask the hosts, and write the metrics. Raises ProvisionError."""
    _refuse_watched_documents(options)
    _refuse_two_documents(options)
    _refuse_closed_output(options)
    refuse_same_file("metrics", options.metrics, options.report_paths, "status")
    command = Command(task="status", operation=status, configures=False, tabulates=True, watch=options.watch)
    metrics = _Metrics(options, secrets)
    with metrics.recording():
        return command.run(options, secrets, note=metrics.note, finish=metrics.finish)


class _Metrics:
    """The file of ``--metrics``: written at the end of a command, also of one that ends with an error.

    Otherwise the values of an earlier command would stay. The reader sees the earlier file until then. With standard
    output as the file, all that is printed meanwhile goes to standard error.
    """

    def __init__(self, options: StatusOptions, secrets: Secrets) -> None:
        self._path = options.metrics
        self._site_file = options.site_file
        self._keys = secrets.keys
        self._output = sys.stdout
        self._reports: list[Report] = []

    def note(self, reports: list[Report]) -> None:
        """Keep the reports of the hosts that were tried."""
        self._reports = reports

    def finish(self, reports: list[Report]) -> None:
        """Write the metrics of a command that did not end early. Raises NotRecorded, OutputUnread."""
        path = self._path
        try:
            self._write(reports, complete=True)
        except OSError as error:
            why = f"--metrics {path}: cannot be written: {error.strerror}"
            raise NotRecorded(f"the work on the hosts is over, and {why}") from error

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Write the metrics if the work ends early. They have no error of their own then."""
        shown_on = sys.stdout
        if self._path == STANDARD_OUTPUT:
            shown_on = sys.stderr
        try:
            with redirect_stdout(shown_on):
                yield
        except BaseException:
            with suppress(OSError, NotRecorded, OutputUnread):
                self._write(self._reports, complete=False)
            raise

    def _write(self, reports: Sequence[Report], *, complete: bool) -> None:
        """Write the metrics, once. Raises OSError for a file, and NotRecorded or OutputUnread for standard output."""
        path, self._path = self._path, None
        if path is None:
            return
        # Imported here, for they are slow, and most commands write none.
        from provision.cli.key_dates import key_dates  # noqa: PLC0415
        from provision.output.metrics import metrics_text  # noqa: PLC0415

        keys = tuple(key_dates(self._site_file, self._keys))
        text = metrics_text(reports, complete=complete, at=datetime.now(UTC), keys=keys)
        if path == STANDARD_OUTPUT:
            self._output.write(text)
            self._output.flush()
            streams.check()
        else:
            write_whole(path, text.encode(), mode=READABLE_BY_ALL, exact_mode=True)
