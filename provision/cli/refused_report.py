"""Write the report files of a command line that is refused before its task runs: those of an earlier command go.

With ``--nagios``, the refusal is the output of the plugin.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from invoke.exceptions import Exit
from invoke.parser.context import ParserContext

from provision.cli.options import REPORTS
from provision.cli.values import new_file_or_standard_output
from provision.common.errors import ProvisionError, UsageError

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
