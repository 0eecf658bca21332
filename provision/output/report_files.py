"""Write the files of ``--json``, ``--junit`` and ``--markdown``: when a command begins, and again when it ends."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from provision.common.errors import NotRecorded, ProvisionError, SiteError, UsageError
from provision.common.files.open_file import STANDARD_OUTPUT, STANDARD_OUTPUT_NUMBER, descriptor_at
from provision.common.files.write import write_whole
from provision.output.command_report import CommandReport


def _json(report: CommandReport) -> str:
    from provision.output.json_report import json_text  # noqa: PLC0415 -- imported for this format alone

    return json_text(report)


def _junit(report: CommandReport) -> str:
    from provision.output.junit import junit_text  # noqa: PLC0415 -- imported for this format alone

    return junit_text(report)


def _markdown(report: CommandReport) -> str:
    from provision.output.markdown import markdown_text  # noqa: PLC0415 -- imported for this format alone

    return markdown_text(report)


FORMATS: Mapping[str, Callable[[CommandReport], str]] = {"json": _json, "junit": _junit, "markdown": _markdown}
"""Option of the command line → what returns the text of its file."""


class ReportFiles:
    """The files of a report while a command runs: a context manager around its work.

    Each file is written when the command begins, so that none of an earlier command stays, and again when it ends; each
    time whole or not at all. ``-`` is standard output; all that is printed meanwhile goes to standard error. Nothing is
    written for an option without a path.
    Raises UsageError if standard output is closed, or two options name one file; SiteError if a file cannot be written
    at the beginning; and NotRecorded if it cannot at the end.
    """

    def __init__(self, paths: Mapping[str, Path | None], command: str, site: Path | None) -> None:
        """``paths``: the path of each option of :data:`FORMATS` that is given."""
        self.report = CommandReport(command=command, site=site, began=datetime.now(UTC))
        self._files = [_File(option, path) for option, path in paths.items() if path is not None]
        self._begun: list[_File] = []

    def __enter__(self) -> Self:
        try:
            for file in self._files:
                _refuse_second(file, self._begun)
                file.begin(self.report)
                self._begun.append(file)
        except ProvisionError as error:
            self._end(error)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        unwritten = self._end(error)
        if unwritten and error is None:
            raise NotRecorded(f"the work on the hosts is over, and {unwritten[0]}") from unwritten[0]

    def _end(self, error: BaseException | None) -> list[SiteError]:
        """Write each file that was begun, and return the errors of those that cannot be written."""
        self.report.conclude(error)
        unwritten = []
        for file in self._begun:
            try:
                file.end(self.report)
            except SiteError as failed:
                unwritten.append(failed)
        return unwritten


class _File:
    """The file of one option."""

    def __init__(self, option: str, path: Path) -> None:
        self.option = option
        self.path = path
        self._open = ExitStack()
        self._stream: BinaryIO | None = None

    @property
    def name(self) -> str:
        """Return the option with its value, as errors name it."""
        return f"--{self.option} {self.path}"

    @property
    def place(self) -> int | str:
        """Return the number of the open file of this process, or else the path without links: equal for one file."""
        if self.path == STANDARD_OUTPUT:
            return STANDARD_OUTPUT_NUMBER
        descriptor = descriptor_at(self.path)
        if descriptor is not None:
            return descriptor
        return os.path.realpath(self.path)

    def begin(self, report: CommandReport) -> None:
        """Replace the report of an earlier command. Raises SiteError, UsageError."""
        place = self.place
        if place == STANDARD_OUTPUT_NUMBER:
            if sys.__stdout__ is None:
                raise UsageError(f"{self.name}: standard output is closed; name a file")
            self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
            self._open.enter_context(redirect_stdout(sys.stderr))
        elif isinstance(place, int):
            self._stream = self._duplicated(place)
        elif self.path.exists() and not self.path.is_file():
            # A pipe or a device keeps what it was sent: it gets the report once, at the end.
            self._stream = self._opened()
        else:
            self._write(report)

    def end(self, report: CommandReport) -> None:
        """Write the results. Raises SiteError."""
        with self._open:
            self._write(report)

    def _write(self, report: CommandReport) -> None:
        data = FORMATS[self.option](report).encode()
        try:
            if self._stream is None:
                write_whole(self.path, data)
                return
            with self._stream as stream:
                stream.write(data)
        except OSError as error:
            raise self._unwritten(error) from error

    def _duplicated(self, descriptor: int) -> BinaryIO:
        """Return a stream to an open file. Raises SiteError."""
        try:
            return os.fdopen(os.dup(descriptor), "wb")
        except OSError as error:
            raise self._unwritten(error) from error

    def _opened(self) -> BinaryIO:
        """Open a pipe or a device for writing. Raises SiteError, for a pipe without a reader."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            raise self._unwritten(error) from error
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "wb")

    def _unwritten(self, error: OSError) -> SiteError:
        return SiteError(f"{self.name}: cannot be written: {error.strerror}")


def _refuse_second(file: _File, begun: list[_File]) -> None:
    """Raise UsageError if another option names the same file: the last report would be the only one."""
    for other in begun:
        if other.place == file.place:
            raise UsageError(f"{file.name}: --{other.option} is written there, too; name another file")
