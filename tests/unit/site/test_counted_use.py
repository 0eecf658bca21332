"""The use of keys that servers have counted: a table, and the keys that nobody uses."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from provision.keys import Keys, make_key
from provision.keys.note import Note
from provision.output.key_usage import KeyUsage, KeyUse
from provision.site.counted_use import counted_too_short, not_counted, unused, usage_lines

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
AS_OF = "2026-11-28T11:59:00Z"
OCTOBER, YESTERDAY = "2026-10-01T00:00:00Z", "2026-11-27T18:00:00Z"
MONTH = timedelta(days=30)
NTP1 = KeyUsage(
    since="2026-01-01T00:00:00Z",
    as_of=AS_OF,
    keys=(KeyUse(id=7, answers=12, last=OCTOBER), KeyUse(id=9, answers=3, last=YESTERDAY)),
)
NTP2 = KeyUsage(since="2026-01-01T00:00:00Z", as_of=AS_OF, keys=(KeyUse(id=9, answers=4, last=OCTOBER),))
NOTES = {9: Note(date(2026, 1, 1), "weather station"), 11: Note(date(2026, 11, 20), "new")}


def test_the_table_names_each_key_with_its_servers() -> None:
    keys = Keys(tuple(make_key(id_, "AES128") for id_ in (8, 9)))
    unknown = KeyUsage(unknown="there is no nftables on this host", keys=())
    lines = usage_lines(keys, NOTES, {"ntp1": NTP1, "ntp2": NTP2, "ntp3": unknown})
    assert list(lines) == [
        "id  type    last answered     answers  by              label",
        "8   AES128  not known         -        -",
        "9   AES128  2026-11-27 18:00  7        ntp1 3, ntp2 4  weather station",
        "ntp1: counted since 2026-01-01 00:00 UTC",
        "ntp2: counted since 2026-01-01 00:00 UTC",
        "ntp3: not known: there is no nftables on this host",
        "answered, and not in this file: 7",
    ]


def test_the_addresses_of_clients_are_shown_on_request() -> None:
    many = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    ntp1 = KeyUsage(since=OCTOBER, keys=(KeyUse(id=8, answers=12, last=OCTOBER, addresses=many),))
    ntp2 = KeyUsage(
        since=OCTOBER,
        keys=(
            KeyUse(id=8, answers=1, last=OCTOBER, addresses=("192.0.2.1", "192.0.2.9")),
            KeyUse(id=9, answers=1, last=OCTOBER),
        ),
    )
    keys = Keys(tuple(make_key(id_, "AES128") for id_ in (8, 9, 10)))
    lines = [line.rstrip() for line in usage_lines(keys, {}, {"ntp1": ntp1, "ntp2": ntp2}, addresses=True)]
    assert lines[0].split()[-2:] == ["from", "label"]
    assert "  192.0.2.1, 192.0.2.2, 192.0.2.9 and 1 more" in lines[1]
    assert lines[2].endswith("  not known")
    assert lines[3].endswith("  -")


def test_a_key_was_never_answered_if_all_servers_count() -> None:
    keys = Keys((make_key(8, "AES128"),))
    _, counted, *_ = usage_lines(keys, NOTES, {"ntp1": NTP1, "ntp2": NTP2})
    assert counted.split() == ["8", "AES128", "never", "0", "-"]
    _, unknown, *_ = usage_lines(keys, NOTES, {"ntp1": KeyUsage(unknown="nothing counts on this host", keys=())})
    assert unknown.split() == ["8", "AES128", "not", "known", "-", "-"]


def test_a_key_is_unused_if_no_server_has_answered_it_and_it_is_old_enough() -> None:
    found = unused([7, 8, 9, 11], NOTES, {"ntp1": NTP1, "ntp2": NTP2}, MONTH, NOW)
    assert found.ids == (7, 8)
    assert found.stay == (
        "key 9 'weather station': answered by ntp1 2026-11-27 18:00 UTC",
        "key 11 'new': added on 2026-11-20",
    )


def test_the_addresses_from_which_a_key_was_used_are_named_if_they_are_wanted() -> None:
    used = KeyUse(id=9, answers=3, last=YESTERDAY, addresses=("192.0.2.1", "2001:db8::1"))
    not_known = KeyUse(id=11, answers=1, last=YESTERDAY)
    usages = {"ntp1": replace(NTP1, keys=(used, not_known))}
    known, unknown = unused([9, 11], NOTES, usages, MONTH, NOW, addresses=True).stay
    assert known == (
        "key 9 'weather station': answered by ntp1 2026-11-27 18:00 UTC, asked from: 192.0.2.1, 2001:db8::1"
    )
    assert unknown.endswith(" UTC, asked from: not known")
    assert "192.0.2.1" not in "".join(unused([9], NOTES, usages, MONTH, NOW).stay)


def test_servers_that_do_not_count_for_so_long_are_named() -> None:
    new = KeyUsage(since=YESTERDAY, as_of=AS_OF, keys=())
    assert counted_too_short({"ntp1": NTP1}, MONTH, NOW) == ""
    assert counted_too_short({"ntp1": NTP1, "ntp2": new}, MONTH, NOW) == "ntp2: only counted since 2026-11-27 18:00 UTC"


def test_servers_that_do_not_count_are_named() -> None:
    unknown = KeyUsage(unknown="there is no nftables on this host", keys=())
    assert not_counted({"ntp1": NTP1}, NOW) == ""
    assert not_counted({"ntp1": NTP1, "ntp3": unknown}, NOW) == "ntp3: not known: there is no nftables on this host"


@pytest.mark.parametrize("as_of", ["2026-10-28T12:00:00Z", "2026-11-28T13:01:00Z"])
def test_a_server_whose_clock_is_another_cannot_tell(as_of: str) -> None:
    ahead = replace(NTP1, as_of=as_of)
    minute = as_of[:-4].replace("T", " ")
    assert not_counted({"ntp1": ahead}, NOW) == (
        f"ntp1: its clock says {minute} UTC, and the one of this machine 2026-11-28 12:00 UTC"
    )


def test_a_key_that_was_added_on_the_day_on_which_the_time_begins_stays() -> None:
    notes = {8: Note(date(2026, 11, 28), "of this morning")}
    found = unused([8], notes, {"ntp1": NTP1}, timedelta(hours=11), NOW)
    assert (found.ids, found.stay) == ((), ("key 8 'of this morning': added on 2026-11-28",))
