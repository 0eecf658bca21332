"""Write the report files of a command line that is refused before its task runs: those of an earlier command go.

With ``--nagios``, the refusal is the output of the plugin.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from invoke.exceptions import Exit
from invoke.parser.context import ParserContext

from provision.cli.options import REPORTS
from provision.cli.values import new_file_or_standard_output
from provision.common.errors import ProvisionError, UsageError
from provision.common.files.open_file import STANDARD_OUTPUT

FLAGS = {f"--{name}": name for name in REPORTS}
NAGIOS = "--nagios"


def write_all_refused(words: Sequence[str], tasks: Mapping[str, ParserContext], why: str) -> None:
    """Write the error to each file of ``--json``, ``--junit`` and ``--markdown`` on a command line."""
    for task, option, path in _reports(words, tasks):
        write_refused({option: path}, task, why)


def write_refused(paths: Mapping[str, Path | None], task: str, why: str) -> None:
    """Write the report of a task that was refused: option → path. A file that cannot be written is left alone."""
    # Imported here, for it is slow, and most command lines are not refused.
    from provision.output.report_files import ReportFiles  # noqa: PLC0415

    with suppress(ProvisionError), ReportFiles(paths, task, None):
        raise UsageError(why)


def refuse_same_file(option: str, path: Path | None, reports: Mapping[str, Path | None], task: str) -> None:
    """Raise UsageError if a report would be written to the file of another option: the last one would be the only one.

    ``reports``: option → path. Those that are written elsewhere get the error.
    """
    if path is None or path == STANDARD_OUTPUT:
        return
    place = os.path.realpath(path)
    same = [name for name, file in reports.items() if file is not None and os.path.realpath(file) == place]
    if same:
        why = f"--{option} {path}: --{same[0]} is written there, too; name another file"
        write_refused({name: file for name, file in reports.items() if name not in same}, task, why)
        raise UsageError(why)


def unknown_state(why: str) -> Exit:
    """Print a refusal as a monitoring plugin does, and return the end of the command."""
    from provision.output.nagios import State, refusal  # noqa: PLC0415 -- as above

    print(refusal(why), flush=True)
    return Exit(code=State.UNKNOWN.value)


def _reports(words: Sequence[str], tasks: Mapping[str, ParserContext]) -> Iterator[tuple[str, str, Path]]:
    """Yield task, option and path of each report; the parser of the command line has given up."""
    task = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in tasks:
            task = word
        name, equals, text = word.partition("=")
        if not equals:
            text = following
        if name not in FLAGS or task not in tasks or name not in tasks[task].flags:
            continue
        # The next word may be an option, if the path was forgotten.
        if text == "-" or not text.startswith("-"):
            with suppress(UsageError):
                yield task, FLAGS[name], new_file_or_standard_output(name, text)
