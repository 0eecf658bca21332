"""Findings of one check that differ in the key alone are one line for a reader."""

from dataclasses import replace

from provision.common.results import Finding
from provision.output.findings import folded
from provision.output.report_text import finding_text

VALID = Finding(id="client.key", claim="answered", subject="key 1 at ::1", holds=True, seen="valid MAC")


def of_key(id_: int, finding: Finding = VALID, place: str = " at ::1") -> Finding:
    return replace(finding, subject=f"key {id_}{place}")


def test_many_keys_are_one_line_which_names_the_first_and_the_last() -> None:
    (one,) = folded(of_key(id_) for id_ in range(1, 502, 10))
    assert finding_text(one) == "  ok           keys 1, 11, … 501 (51 keys) at ::1: answered  (valid MAC)"


def test_few_keys_are_all_named() -> None:
    (one,) = folded([of_key(1), of_key(7)])
    assert one.subject == "keys 1, 7 at ::1"


def test_another_verdict_reason_address_or_check_is_a_line_of_its_own() -> None:
    silent = replace(VALID, holds=False, seen="no answer")
    different = [
        of_key(1),
        of_key(2, silent),
        of_key(3, replace(silent, seen="other")),
        of_key(4, place=" at 127.0.0.1"),
        of_key(5, replace(VALID, id="server.key")),
        replace(VALID, subject="::1", id="client.plain-request"),
        replace(VALID, subject="::1", id="client.wrong-key"),
    ]
    assert folded(different) == different


def test_of_offsets_that_differ_the_first_are_shown() -> None:
    (one,) = folded(of_key(id_, replace(VALID, seen=f"offset {id_} µs")) for id_ in (1, 2, 3))
    assert (one.subject, one.seen) == ("keys 1, 2, 3 at ::1", "offset 1 µs; offset 2 µs; …")


def test_the_line_stands_where_the_first_of_them_stood() -> None:
    plain = replace(VALID, subject="::1", id="client.plain-request")
    assert [finding.subject for finding in folded([of_key(1), plain, of_key(2)])] == ["keys 1, 2 at ::1", "::1"]
