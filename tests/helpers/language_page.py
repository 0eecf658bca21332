"""Write docs/language.md, the reference of chrony's configuration language, from the table of the product.

``python -m tests.helpers.language_page`` writes the page, and a unit test compares it.
"""

from collections.abc import Iterator
from pathlib import Path

from provision.chrony.language.table import OLDEST, SOURCES, Argument, Directive, How, Site, table

PAGE = Path(__file__).parents[2] / "docs/language.md"
BEGIN = """\
# chrony's configuration language

Each directive and option that chrony 4.0 to 4.9 knows, and the way in which a site file deals with it. The page is
written from the table with which this tool checks lines of a site (`provision/chrony/language/language.toml`; its
sources are chrony's own parsers and chrony.conf(5)). `tests/integration/test_language.py` gives lines made from each
row to chronyd 4.0, 4.3, 4.6.1 and 4.9: the verdicts agree.

A value outside of its range is refused here. chronyd accepts most of them, and applies another value in silence: before
4.7 it refuses only those of `key`, and of `stratum` of `local` and `refclock`.

In the tables, `[ ]` is optional, `…` can be repeated, and `log2 s` is a power of two in seconds: 6 is 64 seconds.
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join((BEGIN, *_directives(), "", *_source_options(), "", *_options_of_directives(), ""))


def _directives() -> Iterator[str]:
    yield "## Directives"
    yield ""
    yield "| directive | arguments | since | in a site |"
    yield "|---|---|---|---|"
    for name, row in sorted(table().directives.items()):
        yield _row(f"`{name}`", _forms(row), _since(row.since), _site(row.site))


def _source_options() -> Iterator[str]:
    yield "## Options of server, pool and peer"
    yield ""
    yield "| option | value | since | in a site |"
    yield "|---|---|---|---|"
    for name, option in sorted(table().source_options.items()):
        yield _row(f"`{name}`", _argument(option), _since(option.since), _site_of_option(option.site))


def _options_of_directives() -> Iterator[str]:
    yield "## Options of other directives"
    yield ""
    yield "| directive | option | value | since |"
    yield "|---|---|---|---|"
    for name, row in sorted(table().directives.items()):
        if name in SOURCES:
            continue
        for option in sorted(row.options.values(), key=lambda option: option.name):
            yield _row(f"`{name}`", f"`{option.name}`", _argument(option), _since(option.since))


def _row(*cells: str) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def _since(release: str) -> str:
    if release == OLDEST:
        return ""
    return release


def _forms(row: Directive) -> str:
    """Return the arguments of a directive; of several lists, each is an alternative."""
    return "; or: ".join(", ".join(_named(argument) for argument in form) for form in row.forms if form)


def _named(argument: Argument) -> str:
    text = f"*{argument.name}*: {_argument(argument)}"
    if argument.repeated:
        text += " …"
    if argument.optional:
        text = f"[{text}]"
    return text


def _argument(argument: Argument) -> str:
    """Return the kind, range, unit and default of a value; empty for a flag."""
    if argument.kind is None:
        return ""
    text = str(argument.kind)
    if argument.values:
        text = ", ".join(_value(argument, value) for value in argument.values)
    text += _range(argument)
    if argument.unit:
        text += f" ({argument.unit})"
    if argument.default is not None:
        text += f", default {_number(argument.default)}"
    return text


def _value(argument: Argument, value: str) -> str:
    since = argument.values_since.get(value)
    if since is None:
        return f"`{value}`"
    return f"`{value}` (since {since})"


def _range(argument: Argument) -> str:
    if argument.above is not None and argument.max is not None:
        return f" above {_number(argument.above)}, to {_number(argument.max)}"
    if argument.above is not None:
        return f" above {_number(argument.above)}"
    if argument.min is not None and argument.max is not None:
        return f" {_number(argument.min)} to {_number(argument.max)}"
    if argument.min is not None:
        return f" from {_number(argument.min)}"
    if argument.max is not None:
        return f" to {_number(argument.max)}"
    return ""


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.10g}"


def _site(site: Site) -> str:
    match site.how:
        case How.KEY:
            text = f"`{site.text}`"
        case How.DEPLOYMENT:
            text = f"set by the deployment: {site.text}"
        case How.REFUSED | How.GONE:
            text = f"refused: {site.text}"
        case How.LINE:
            text = "a line of `time.extra`"
    if site.note:
        text += f"; {site.note}"
    return text


def _site_of_option(site: Site) -> str:
    match site.how:
        case How.KEY:
            return f"key `{site.text}` of the source"
        case How.REFUSED | How.GONE:
            return f"refused: {site.text}"
        case _:
            return "an option in `options` of the source"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
