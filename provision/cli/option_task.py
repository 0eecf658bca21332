"""Tasks of Invoke whose function takes one typed value with all options."""

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.parser.argument import Argument
from invoke.program import Program
from invoke.tasks import Task

from provision.cli.exits import one_line_errors
from provision.cli.option import Option, options_of
from provision.cli.options import REPORTS, Options
from provision.cli.refused_report import write_refused
from provision.common.errors import UsageError

if TYPE_CHECKING:
    from provision.deploy.secrets import Secrets

T = TypeVar("T", bound=Options)
HELP = ("--help", "-h")


class OptionArgument(Argument):
    """An option for Invoke's parser and ``--help``; :class:`provision.cli.option.Option` parses its value."""

    def __init__(self, option: Option, show_help: Callable[[], None]) -> None:
        name = option.flag.removeprefix("--")
        kind, default = option.kind, option.default
        if kind is list:
            # Invoke's help shows a value, as in "--host=STRING", only for str and int. For list, it also starts with an
            # empty list, and then takes a flag without a value for one that was not given.
            kind, default = str, []
        super().__init__(
            name=name,
            # With an attribute name equal to the name, Invoke's parser recurses without end.
            attr_name=option.name if option.name != name else None,
            kind=kind,
            default=default,
            help=option.help,
            positional=option.positional,
            optional=option.bare is not None,
        )
        self.option = option
        self.show_help = show_help

    def __deepcopy__(self, _: dict[int, Any]) -> "OptionArgument":
        """Return a copy for Invoke's parser, which parses into deep copies of the arguments that its help shows."""
        parsed = copy.copy(self)
        parsed.kind = self.option.kind
        return parsed

    def set_value(self, value: Any, cast: bool = True) -> None:  # noqa: FBT001, FBT002 -- as Invoke has it
        """Parse the text of the command line; a bad one ends the command with exit status 2."""
        if self.kind is bool:
            super().set_value(value, cast)
            return
        if value is True:
            # Invoke's parser says so of an option that may be given without a value.
            super().set_value(self.option.bare, cast=False)
            return
        if self.positional and value in HELP:
            # Invoke's parser takes any word for a positional argument that is still missing.
            self.show_help()
        with one_line_errors():
            parsed = self.option.parse(value)
        # For a list, Invoke appends the value itself.
        super().set_value(parsed, cast=False)


class OptionTask(Task[Any]):
    """A task that offers some of the options that a dataclass declares."""

    def __init__(
        self,
        body: Callable[..., None],
        options: Sequence[Option],
        *,
        default: bool = False,
        collection: str = "",
        needs_secrets: bool = False,
    ) -> None:
        """Create a task; with ``needs_secrets``, the program passes ``secrets`` to the body."""
        super().__init__(body, positional=[], auto_shortflags=False, default=default)
        self.options = options
        self.collection = collection
        self.needs_secrets = needs_secrets

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:  # noqa: ARG002, FBT001 -- Invoke's
        """Return the arguments for Invoke's parser, positional ones first."""
        arguments = [OptionArgument(option, self.show_help) for option in self.options]
        return sorted(arguments, key=lambda argument: not argument.positional)

    def show_help(self) -> None:
        """Print the help of this task as ``--help TASK`` does, and end the command."""
        binary, only = Path(sys.argv[0]).name, Collection(self)
        name = self.name
        if self.collection:
            name = f"{self.collection}.{name}"
            outer = Collection()
            outer.add_collection(only, name=self.collection)
            only = outer
        Program(name=binary, binary=binary, namespace=only).run([binary, "--help", name])


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMaker(Generic[T]):
    """Make a task from a function that returns an exit status; None is 0."""

    kind: type[T]
    options: Sequence[Option]
    default: bool
    collection: str

    def __call__(self, act: Callable[[T], int | None]) -> OptionTask:
        """Make a task from a function that takes its options."""

        def body(context: Context, **given: Any) -> None:
            self._run(context, _name(act), given, act)

        return self._task(act, body, needs_secrets=False)

    def with_secrets(self, act: "Callable[[T, Secrets], int | None]") -> OptionTask:
        """Make a task from a function that takes its options and the secrets of the command line."""

        def body(context: Context, *, secrets: "Secrets", **given: Any) -> None:
            self._run(context, _name(act), given, lambda options: act(options, secrets))

        return self._task(act, body, needs_secrets=True)

    def _run(self, context: Context, task: str, given: Mapping[str, Any], act: Callable[[T], int | None]) -> None:
        with one_line_errors():
            _refuse_dry_run(context, task, given)
            status = act(self.kind(**_frozen(given)))
        if status:
            raise Exit(code=status)

    def _task(self, act: Callable[..., int | None], body: Callable[..., None], *, needs_secrets: bool) -> OptionTask:
        body.__name__, body.__doc__ = _name(act), act.__doc__
        return OptionTask(
            body, self.options, default=self.default, collection=self.collection, needs_secrets=needs_secrets
        )


def _name(act: Callable[..., int | None]) -> str:
    """Return the name of a task: that of its function, without the ``_`` behind a keyword of Python."""
    return act.__name__.removesuffix("_")


def option_task(
    kind: type[T],
    *names: str,
    help_: Mapping[str, str] | None = None,
    default: bool = False,
    collection: str = "",
) -> TaskMaker[T]:
    """Return a decorator for a function that takes its options; see :class:`TaskMaker`.

    ``names`` are the options that the task offers, of those that ``kind`` declares. ``help_`` replaces the help of an
    option for this task. With ``default``, the name of the collection alone runs this task. ``collection`` is the name
    of the collection to which the task is added, for its help.
    """
    declared, special = options_of(kind), help_ or {}
    options = [replace(declared[name], help=special.get(name, declared[name].help)) for name in names]
    return TaskMaker(kind=kind, options=options, default=default, collection=collection)


def _refuse_dry_run(context: Context, task: str, given: Mapping[str, Any]) -> None:
    """Raise UsageError if a configuration file or the environment of Invoke says that nothing is to be run."""
    if not context.config.run.dry:
        return
    why = "Invoke's setting run.dry has no effect on this task; inv plan shows changes before deploy"
    write_refused({name: given.get(name) for name in REPORTS}, task, why)
    raise UsageError(why)


def _frozen(given: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(given)
    for name, value in given.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    return values
