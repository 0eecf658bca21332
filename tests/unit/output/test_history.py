"""The table of a host's history."""

from provision.host.unconfirmed import BEFORE
from provision.output.history import WIDEST, Event, Kind, Result, history_text

FIRST = Event(
    when="2026-11-22T20:00:00Z",
    kind=Kind.DEPLOYED,
    who="alice@ci",
    generation="aaaa",
    build="chrony-4.9",
    changed=("build", "conf"),
    result=Result.NOT_CONFIRMED,
)
SECOND = Event(
    when="2026-11-22T20:01:30Z",
    kind=Kind.REVERTED,
    who="chrony-undo.timer",
    generation=BEFORE,
    build="",
    changed=(),
    result=Result.STARTED,
    current=True,
)
TABLE = """
  when                  event               by        generation          build       changed     result         now
  2026-11-22T20:00:00Z  deployed            alice@ci  aaaa                chrony-4.9  build,conf  not confirmed
  2026-11-22T20:01:30Z  reverted by itself  the host  (previous service)  -           -           started        current
"""


def test_each_event_is_a_row_and_each_column_has_a_heading() -> None:
    assert history_text((FIRST, SECOND)) == TABLE.strip("\n")


def test_a_cell_is_not_wider_than_a_screen() -> None:
    wide = Event(
        when="x" * 1000, kind=Kind.SWITCHED, who="", generation="", build="", changed=(), result=Result.STARTED
    )
    assert max(map(len, history_text((wide,)).split())) == WIDEST
