"""How an option is declared as the field of a dataclass, and how its text becomes a value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provision.cli.option import Option, argument, flag, number, options_of, path, several, text


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One field of each kind."""

    file: str = argument("a file")
    to: str = text("a text", "nowhere")
    folder: Path | None = path("a path")  # noqa: RUF009 -- it returns a field
    dry: bool = flag("a flag")
    host: tuple[str, ...] = several("hosts")
    max_failures: int | None = number("failures", None, meaning="a number", least=1, most=9)
    parallel: int = number("hosts", 4, meaning="a number", least=1, most=9)


OPTIONS = options_of(Declared)


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("file", str, None),
        ("to", str, "nowhere"),
        ("folder", str, None),
        ("dry", bool, False),
        ("host", list, ()),
        ("max_failures", int, None),
        ("parallel", int, 4),
    ],
)
def test_each_declaration_has_its_kind_and_its_default(name: str, kind: type, default: Any) -> None:
    option = OPTIONS[name]
    assert (option.kind, option.default) == (kind, default)
    assert option.positional == (name == "file")


def test_the_options_keep_their_order_and_have_their_flags() -> None:
    assert [option.flag for option in OPTIONS.values()] == [
        "--file",
        "--to",
        "--folder",
        "--dry",
        "--host",
        "--max-failures",
        "--parallel",
    ]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("to", "", "nowhere"), ("to", "here", "here"), ("folder", "", None), ("folder", "a", Path("a")), ("host", "", "")],
)
def test_an_empty_text_is_an_option_that_was_not_given(name: str, text: str, value: object) -> None:
    assert OPTIONS[name].parse(text) == value


def test_a_number_shows_its_default_in_its_help() -> None:
    assert OPTIONS["parallel"].help == "hosts (default: 4)"
    assert OPTIONS["max_failures"].help == "failures"


def test_an_option_is_named_in_its_error() -> None:
    seen: list[str] = []

    def parser(flag: str, text: str) -> str:
        seen.append(flag)
        return text

    Option(name="a_b", kind=str, default="", help="", positional=False, parser=parser).parse("x")
    assert seen == ["--a-b"]
