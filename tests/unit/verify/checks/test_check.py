"""The checks: their ids, their claims, and the document that lists them."""

import re
from typing import Any

import pytest

from provision.common.results import Finding
from provision.common.text import seconds_text
from provision.verify.checks.check import Check
from provision.verify.checks.known import check_ids, defined_checks
from provision.verify.checks.site import MATCHES
from tests.helpers.booted_hosts import ROOT

DOCUMENT = ROOT / "docs/checks.md"
ROW = re.compile(r"^\| `([a-z.-]+)` \| ([^|]+) \| ([^|]*) \|", re.MULTILINE)


CHECKS = {check.id: check for check in defined_checks()}


def test_an_id_has_one_claim() -> None:
    assert {(check.id, check.claim) for check in defined_checks()} == {
        (id_, check.claim) for id_, check in CHECKS.items()
    }


def test_an_id_is_a_subject_and_a_name_in_kebab_case() -> None:
    kebab = "[a-z]+(-[a-z]+)*"
    assert [id_ for id_ in CHECKS if not re.fullmatch(rf"{kebab}\.{kebab}", id_)] == []


def test_a_claim_has_no_address_and_no_number_of_a_host() -> None:
    assert [check.claim for check in CHECKS.values() if re.search(r"\d\.\d|::|[{}]", check.claim)] == []


def test_the_document_lists_each_check_with_its_claim() -> None:
    rows = ROW.findall(DOCUMENT.read_text())
    documented = {id_: claim.strip() for id_, claim, _ in rows}
    assert len(documented) == len(rows)
    assert check_ids() == documented.keys()
    # test_each_compared_step_has_a_check_of_its_own_in_the_document compares these with the steps.
    states = [id_ for id_, claim in documented.items() if id_.startswith("site.") and claim == MATCHES]
    for id_ in states:
        del documented[id_]
    assert documented == {id_: check.claim for id_, check in CHECKS.items()}


UNITS = [
    (1.5, "1.5 s"),
    (0.0012, "1.2 ms"),
    (0.000127, "127 µs"),
    (-4e-6, "-4 µs"),
    (5e-8, "50 ns"),
    (0.0, "0 ns"),
    (1.0, "1 s"),
    (-1e-10, "0 ns"),
    (9.996e-7, "1 µs"),
    (0.0009999, "1 ms"),
    (0.9994, "999 ms"),
    (0.99999, "1 s"),
    (999.4, "999 s"),
    (-1234.5, "-1234 s"),
    (86400, "86400 s"),
    (-5e9, "-5000000000 s"),
]


@pytest.mark.parametrize(("seconds", "words"), UNITS)
def test_seconds_are_read_as_people_say_them(seconds: float, words: str) -> None:
    assert seconds_text(seconds) == words


def test_a_check_passes_on_all_its_values() -> None:
    check = Check("ports.ntp", "chronyd has the port")
    common: dict[str, Any] = {"id": "ports.ntp", "claim": "chronyd has the port", "seen": "udp/123"}
    assert check.finding(holds=True, seen="udp/123") == Finding(**common, holds=True, subject="", vital=True)
    assert check.finding(holds=False, seen="udp/123", subject="a", vital=False) == Finding(
        **common, holds=False, subject="a", vital=False
    )
    assert check.not_checked("udp/123") == Finding(**common, holds=None, subject="", vital=True)
    assert check.not_checked("udp/123", subject="a", vital=False) == Finding(
        **common, holds=None, subject="a", vital=False
    )
