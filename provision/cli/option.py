"""Describe one option of the command line, and declare it as the field of a dataclass: a flag, a text, a number …"""

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from provision.cli.values import Parser, any_path, clock_error, number_from, span_of_time, verbatim


@dataclass(frozen=True, slots=True)
class Option:
    """Describe one option of the command line."""

    name: str
    """As an attribute: ``max_failures`` for ``--max-failures``."""
    kind: type
    """How the command line takes it: ``bool`` for a flag, ``list`` if it may be repeated, else ``int`` or ``str``."""
    default: Any
    """The value if the option is not given; None also for a positional argument, which is required."""
    help: str
    positional: bool
    parser: Parser
    repeated: bool = False
    """Whether a positional argument may be several words; its parser gets them with blanks between."""
    bare: Any = None
    """The value of the option if it is given without one; None: it needs one."""

    @classmethod
    def of(cls, declared: "Field[Any]") -> "Option":
        """Return the option that a field declares."""
        default = None if declared.default is MISSING else declared.default
        return cls(name=declared.name, default=default, **declared.metadata)

    @property
    def flag(self) -> str:
        """Return the option as it is typed: ``--max-failures``."""
        return f"--{self.name.replace('_', '-')}"

    def parse(self, text: str) -> Any:
        """Return the value of a text; an empty text is an option that was not given. Raises UsageError."""
        if text == "" and self.kind is str:
            return self.default
        return self.parser(self.flag, text)


def options_of(kind: type[Any]) -> dict[str, Option]:
    """Return all options that a dataclass declares, by name."""
    return {declared.name: Option.of(declared) for declared in fields(kind)}


def _declare(
    kind: type,
    help_: str,
    parser: Parser,
    default: object = MISSING,
    *,
    positional: bool = False,
    repeated: bool = False,
    bare: object = None,
) -> Any:  # a field, which stands for a value of the type that the class says
    metadata = {
        "kind": kind,
        "help": help_,
        "positional": positional,
        "parser": parser,
        "repeated": repeated,
        "bare": bare,
    }
    return field(default=default, metadata=metadata)


def text(help_: str, default: str = "", parser: Parser = verbatim) -> Any:
    """Declare an option whose value is a text."""
    return _declare(str, help_, parser, default)


def path(help_: str, parser: Parser = any_path) -> Any:
    """Declare an option whose value is a path, or None."""
    return _declare(str, help_, parser, None)


def time_span(help_: str) -> Any:
    """Declare an option whose value is a span of time, or None."""
    return _declare(str, help_, span_of_time, None)


def wrong_clock(help_: str) -> Any:
    """Declare an option whose value is the error of a clock, or None."""
    return _declare(str, help_, clock_error, None)


def flag(help_: str) -> Any:
    """Declare an option without a value, which is False unless it is given."""
    return _declare(bool, help_, verbatim, default=False)


def several(help_: str, parser: Parser = verbatim) -> Any:
    """Declare an option that may be given several times; its value is a tuple of texts."""
    return _declare(list, help_, parser, ())


def argument(help_: str, parser: Parser = verbatim) -> Any:
    """Declare an argument that is given by its position, and is required."""
    return _declare(str, help_, parser, positional=True)


def arguments(help_: str, parser: Parser) -> Any:
    """Declare one or more arguments that are given by their position; at least one is required."""
    return _declare(str, help_, parser, positional=True, repeated=True)


def number(help_: str, default: int | None, *, meaning: str, least: int, most: int, bare: int | None = None) -> Any:
    """Declare an option whose value is a number in a range; ``meaning`` names it in errors: ``a number of hosts``.

    ``bare`` is the value of the option if it is given without one.
    """
    shown_default = "" if default is None else f" (default: {default})"
    return _declare(int, f"{help_}{shown_default}", number_from(least, most, meaning=meaning), default, bare=bare)
