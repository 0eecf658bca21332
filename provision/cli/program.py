"""The program behind ``inv`` and ``chrony-provision``: Invoke's, with exit statuses and errors of its own."""

import ast
import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from pathlib import Path

from invoke.exceptions import Exit, ParseError, UnknownFileType
from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.program import Program

from provision.cli import exits, streams
from provision.cli.option_task import OptionArgument, OptionTask
from provision.cli.refused_report import NAGIOS, unknown_state, write_all_refused
from provision.common.errors import INTERRUPTED, USAGE, NotRecorded, os_error_text
from provision.common.text import on_one_line, quoted

LOGGED = "the log of a run has each command and its output"
REFUSED = {
    "dry": "inv plan shows what inv deploy would change, and changes nothing",
    "echo": LOGGED,
    "hide": LOGGED,
    "pty": "no command on a host gets a terminal",
    "warn-only": "a command that fails ends the work on its host",
    "command-timeout": "each command on a host has a limit of its own",
    "prompt-for-sudo-password": "a task asks for the password itself, if a host wants one",
}
"""Options of Invoke that the tasks of this project cannot honour, and what to do instead."""

INVOKE_SUFFIXES = (".yaml", ".yml", ".json", ".py")
"""Of Invoke's configuration files."""
UNKNOWN = re.compile(r"No idea what (?P<word>'.*'|\".*\") is!")
NO_VALUE = re.compile(r"Flag <\w+: (?P<option>[\w-]+).*> needed value and was not given one!")
NO_ARGUMENT = re.compile(r"'(?P<task>\S+)' did not receive required positional arguments: (?P<names>.*)")
"""Errors of Invoke's parser (invoke/parser/parser.py); the word is written as Python's repr."""
NEW_OBJECTS = 20_000
"""The number of new objects after which Python looks for garbage (gc.set_threshold)."""


def collect_garbage_seldom() -> None:
    """Let Python look for garbage seldom: imports make many objects that stay, and each search goes over all of them.

    With Python's own threshold of 700 new objects, the imports of a deployment took 275 ms; without a search, 240 ms.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


class CommandLine(Program):
    """Run tasks; see :mod:`provision.cli.exits` for the exit statuses.

    The methods are those that ``Program.run`` calls one after the other.
    """

    def run(self, argv: list[str] | None = None, exit: bool = True) -> None:  # noqa: A002, FBT001, FBT002 -- as Invoke has it
        """Run the command line."""
        streams.prepare()
        collect_garbage_seldom()
        super().run(argv, exit)

    def create_config(self) -> None:
        """Read the configuration files of Invoke in the home folder and in /etc."""
        try:
            super().create_config()
        except OSError as error:
            place = on_one_line(str(error.filename))
            why = f"{place}: {error.strerror}; let HOME name a folder that this account may read"
            raise Exit(f"error: {why}", code=USAGE) from error
        except Exception as error:  # a file of Invoke's may be a program: it can raise anything
            files = ", ".join(map(str, _invoke_files())) or "Invoke's configuration"
            why = f"{files}: cannot be read ({type(error).__name__}); correct or remove it"
            raise Exit(f"error: {on_one_line(why)}", code=USAGE) from error

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse Invoke's own options."""
        with self._ending_in_one_line():
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Parse the names of tasks and their options."""
        # "inv" becomes this class while it loads tasks.py, and has called its own run() by then.
        streams.prepare()
        collect_garbage_seldom()
        with self._reporting_refusals(), self._ending_in_one_line():
            self.core.unparsed = joined_arguments(self.core.unparsed, self._make_parser().contexts)
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Print what ``--help`` and ``--list`` ask for."""
        with self._ending_in_one_line():
            try:
                super().parse_cleanup()
            except Exit as ended:
                if not ended.message:
                    raise
                raise Exit(f"error: --list: {ended.message}", code=USAGE) from ended

    def update_config(self, merge: bool = True) -> None:  # noqa: FBT001, FBT002 -- as Invoke has it
        """Read the configuration file, after options that cannot be honoured are refused."""
        with self._reporting_refusals(), self._ending_in_one_line():
            self._refuse_options_of_invoke()
            file = self.args.config.value
            if file is not None and not Path(file).is_file():
                raise Exit(f"error: --config {on_one_line(file)}: there is no such file", code=USAGE)
            super().update_config(merge)

    def execute(self) -> None:
        """Run the tasks; those of one command line share their secrets."""
        sharing = [context for context in self.tasks if self._needs_secrets(context)]
        with self._ending_in_one_line(), ExitStack() as ends:
            if sharing:
                # Imported here: the developers' tasks need no secrets.
                from provision.deploy.secrets import secrets_of_command_line  # noqa: PLC0415

                ends.enter_context(exits.terminated_as_interrupted())
                secrets = ends.enter_context(secrets_of_command_line())
                for context in sharing:
                    # It is parsed already, so this becomes an argument of the function and no option.
                    context.add_arg(Argument(name="secrets", default=secrets))
            super().execute()

    def _needs_secrets(self, context: ParserContext) -> bool:
        task = self.collection[context.name]
        return isinstance(task, OptionTask) and task.needs_secrets

    def _refuse_options_of_invoke(self) -> None:
        """Raise Exit for an option that the tasks would ignore: ``--dry`` would change hosts."""
        names = [context.name for context in self.tasks]
        product = [name for name in names if isinstance(self.collection[name], OptionTask)]
        for option, instead in REFUSED.items():
            if product and self.args[option].value:
                raise Exit(f"error: --{option} has no effect on {product[0]}: {instead}", code=USAGE)

    @contextmanager
    def _reporting_refusals(self) -> Iterator[None]:
        """Write the error of a refused command line to its report files, too."""
        try:
            yield
        except Exit as end:
            if end.message:
                why = end.message.removeprefix("error: ")
                write_all_refused(self.core.unparsed, self.parser.contexts, why)
                if NAGIOS in self.core.unparsed:
                    raise unknown_state(why) from end
            raise

    @contextmanager
    def _ending_in_one_line(self) -> Iterator[None]:
        """Convert errors of the command line and of standard output to Exit."""
        try:
            with streams.checking():
                yield
        except NotRecorded as error:
            raise exits.end(error) from error
        except ParseError as error:
            raise Exit(f"error: {self._complaint(error)}", code=USAGE) from error
        except UnknownFileType as error:
            raise Exit(f"error: --config: {on_one_line(str(error))}", code=USAGE) from error
        except OSError as error:
            raise Exit(f"error: {on_one_line(os_error_text(error))}", code=1) from error
        except KeyboardInterrupt:
            raise Exit("interrupted", code=INTERRUPTED) from None

    def _complaint(self, error: ParseError) -> str:
        """Return an error of Invoke's parser in words that a user of a shell knows."""
        text = str(error)
        if match := UNKNOWN.fullmatch(text):
            return self._unknown(ast.literal_eval(match["word"]), error.context)
        if match := NO_VALUE.fullmatch(text):
            return f"--{match['option'].replace('_', '-')} needs a value"
        if match := NO_ARGUMENT.fullmatch(text):
            return f"{match['task']} needs {match['names']} ({self._program} --help {match['task']} shows how)"
        return on_one_line(text)

    def _unknown(self, word: str, context: ParserContext | None) -> str:
        """Say which name does not exist, and name the nearest one that does."""
        noun, where = "task", "--list"
        known = list(self.parser.contexts)
        task = context.name if context is not None else None
        if task is not None and not word.startswith("-"):
            nothing = f"{task} has no argument {quoted(word)}, and there is no task of this name"
            return f"{nothing}{_option_for_names(context)} ({self._program} --list shows them)"
        if task is not None and context is not None:
            noun, where = "option", f"--help {task}"
            known = list(context.flags)
        near = get_close_matches(word, [str(name) for name in known], n=1)
        meant = "".join(f"; did you mean {name}?" for name in near)
        return f"there is no {noun} {quoted(word)}{meant} ({self._program} {where} shows them)"

    @property
    def _program(self) -> str:
        """Return the name of the command, as it is typed."""
        return str(self.binary).replace("inv[oke]", "inv")


def joined_arguments(words: Sequence[str], tasks: Mapping[str, ParserContext]) -> list[str]:
    """Return the words of a command line with the arguments of each task as one word, if it takes several of them.

    Invoke's parser takes one word for an argument, and the next one for the name of a task.
    """
    found: list[str] = []
    task: ParserContext | None = None
    place: int | None = None
    is_value = False
    for word in words:
        if is_value or word.startswith("-"):
            found.append(word)
            is_value = not is_value and task is not None and _wants_value(task, word)
        elif task is not None and place is None and _takes_several(task):
            place = len(found)
            found.append(word)
        elif word in tasks:
            task, place = tasks[word], None
            found.append(word)
        elif place is not None:
            found[place] += f" {word}"
        else:
            found.append(word)
    return found


def _takes_several(task: ParserContext) -> bool:
    return any(isinstance(one, OptionArgument) and one.option.repeated for one in task.positional_args)


def _wants_value(task: ParserContext, word: str) -> bool:
    """Return whether the next word is the value of an option."""
    return word in task.flags and task.flags[word].takes_value


def _invoke_files() -> list[Path]:
    """Return the configuration files of Invoke that exist (docs.pyinvoke.org, Configuration)."""
    # Imported here: almost no command line needs it.
    from provision.common.files.account import home_folder  # noqa: PLC0415

    prefixes = (Path("/etc/invoke"), home_folder() / ".invoke")
    files = [prefix.with_name(f"{prefix.name}{suffix}") for prefix in prefixes for suffix in INVOKE_SUFFIXES]
    return [file for file in files if file.exists()]


def _option_for_names(context: ParserContext | None) -> str:
    """Return how the task is told a name, for somebody who wrote the name alone."""
    options = context.flags if context is not None else {}
    if "--host" in options:
        return "; name a host with --host NAME"
    if "--name" in options:
        return "; name a sandbox with --name NAME"
    return ""
