"""Write the report of a command line that is refused before its task runs, so that none of an earlier command stays.

With ``--nagios``, the refusal is the output of the plugin.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from invoke.exceptions import Exit
from invoke.parser.context import ParserContext

from provision.cli.values import new_file_or_standard_output
from provision.common.errors import ProvisionError, UsageError

FLAG = "--json"
NAGIOS = "--nagios"


def write_all_refused(words: Sequence[str], tasks: Mapping[str, ParserContext], why: str) -> None:
    """Write the error to each file of ``--json`` on a command line."""
    for task, path in _reports(words, tasks):
        write_refused(path, task, why)


def write_refused(path: Path, task: str, why: str) -> None:
    """Write the report of a task that was refused; a file that cannot be written is left alone."""
    # Imported here, for it is slow, and most command lines are not refused.
    from provision.output.json_report import JsonReport  # noqa: PLC0415

    with suppress(ProvisionError), JsonReport(path, task, None):
        raise UsageError(why)


def unknown_state(why: str) -> Exit:
    """Print a refusal as a monitoring plugin does, and return the end of the command."""
    from provision.output.nagios import State, refusal  # noqa: PLC0415 -- as above

    print(refusal(why), flush=True)
    return Exit(code=State.UNKNOWN.value)


def _reports(words: Sequence[str], tasks: Mapping[str, ParserContext]) -> Iterator[tuple[str, Path]]:
    """Yield the task and the path of each report; the parser of the command line has given up."""
    task = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in tasks:
            task = word
        name, equals, text = word.partition("=")
        if not equals:
            text = following
        if name != FLAG or task not in tasks or FLAG not in tasks[task].flags:
            continue
        # The next word may be an option, if the path was forgotten.
        if text == "-" or not text.startswith("-"):
            with suppress(UsageError):
                yield task, new_file_or_standard_output(FLAG, text)
