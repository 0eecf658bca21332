"""What is said of a rotation before it happens."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from provision.fleet.rotation_preview import MOST_NAMES, Preview, lines, names

PREVIEW = Preview(
    file="/keys",
    real_file="/elsewhere/keys",
    new="key 8 (AES128)",
    old="key 1 (AES128)",
    label="machines",
    servers=["ntp1", "ntp2"],
    clients=["web1"],
    is_begun=False,
    has_old=True,
    removed_by_hand=False,
    until=None,
    overlap=0,
)
LAST = "devices and other clients with key 1 (AES128) get no time after step 4: give them another key first"
MAY_STAY = f"{LAST}, or let it stay with --overlap DAYS"


def test_all_steps_are_named_with_their_keys_and_hosts() -> None:
    assert list(lines(PREVIEW)) == [
        "/keys: key 8 (AES128) replaces key 1 (AES128), 'machines'",
        "  1  add key 8 (AES128) to the file, and record the rotation in /elsewhere/keys.state",
        "  2  deploy all hosts: ntp1, ntp2 will answer both keys, then web1 will ask with key 8 (AES128)",
        "  3  remove key 1 (AES128) from the file; the file as it was is kept in /elsewhere/keys.bak",
        "  4  deploy all hosts: ntp1, ntp2 will not answer key 1 (AES128) any more",
        MAY_STAY,
    ]


def test_an_overlap_says_until_when_the_old_key_stays() -> None:
    said = list(lines(replace(PREVIEW, until=date(2026, 12, 4), overlap=7, is_begun=True, label="")))
    assert said[0] == "/keys: key 8 (AES128) replaces key 1 (AES128)"
    assert [line[:5] for line in said[1:4]] == ["  2  ", "  3  ", "  4  "]
    assert said[2].startswith("  3  on 2026-12-04 or later, when the same command is run again: remove key 1")
    assert said[-1] == LAST


@pytest.mark.parametrize(
    ("span", "words"),
    [(timedelta(days=30), "30 days"), (timedelta(hours=24), "1 day"), (timedelta(hours=36), "36 hours")],
)
def test_a_key_that_must_be_unused_is_removed_only_if_it_is(span: timedelta, words: str) -> None:
    said = list(lines(replace(PREVIEW, unused_for=span)))
    assert said[3] == (
        f"  3  remove key 1 (AES128) from the file, if no server has answered it for {words}; else it stays; "
        "the file as it was is kept in /elsewhere/keys.bak"
    )
    assert said[-1] == LAST


def test_an_overlap_that_is_over_is_not_advised_again() -> None:
    assert list(lines(replace(PREVIEW, overlap=7)))[-1] == LAST


def test_a_key_that_was_removed_by_hand_is_named() -> None:
    said = list(lines(replace(PREVIEW, is_begun=True, has_old=False, removed_by_hand=True)))
    assert said[1] == (
        "  key 1 (AES128) was removed from the file by hand: a host that still asks with it is not answered until it "
        "is deployed"
    )
    assert [line[:5] for line in said[2:3]] == ["  4  "]
    assert said[-1] == LAST


def test_many_hosts_are_counted() -> None:
    hosts = [f"web{number}" for number in range(MOST_NAMES + 3)]
    assert names(hosts).endswith(f"web{MOST_NAMES - 1} and 3 more")
    assert names(hosts[:MOST_NAMES]).endswith(f", web{MOST_NAMES - 1}")
    assert names([]) == "no host"
