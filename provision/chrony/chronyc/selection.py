"""Parse ``chronyc -c selectdata``: what the selection of sources makes of each."""

from dataclasses import dataclass

from provision.chrony.chronyc.fields import check, parse_line, with_whole_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Describe what the selection of sources makes of one, from ``selectdata``."""

    state: str
    """The letter of chronyc(1), selectdata."""
    excluded: bool
    """Whether ``authselectmode`` excludes it: ``noselect`` is in effect, and chrony.conf does not have it."""


def parse_selection(text: str) -> dict[str, Selection]:
    """Parse ``chronyc -c -n selectdata``, by the address of the source."""
    return dict(parse_line("selectdata", line, _selection) for line in text.splitlines())


def _selection(fields: list[str]) -> tuple[str, Selection]:
    # client.c: state, name, authentication, five configured options, five effective options, and five values.
    state, address, _, *options = with_whole_name(fields, 18, place=1)
    check(len(state) == 1 and len(options) == 15)
    return address, Selection(state=state, excluded=options[0] != "N" and options[5] == "N")
