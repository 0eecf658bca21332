"""Judge evidence of a real server, in which one thing is otherwise: the findings of checks.sources."""
# ruff: noqa: FBT001 -- a parameter of a case

from dataclasses import replace
from typing import Any

import pytest

from provision.chrony.chronyc.associations import Association
from provision.output.status import Layer, SourceFault
from provision.verify.checks import sources
from provision.verify.checks.check import Check
from provision.verify.evidence import Evidence
from tests.helpers.evidence_samples import EXPECTED, SERVER, STOPPED, judged, one

ASKED = Association(address="198.19.0.8", key=7, received=3, authenticated=True)
SILENT_SOURCE = replace(ASKED, received=0, authenticated=False)
NTS = Association(
    address="198.19.0.10", key=None, nts=True, received=3, authenticated=True, nts_key=1, key_bits=256, cookies=8
)
NTS_SOURCE = "NTS at 198.19.0.10"
KEY_7 = "key 7 at 198.19.0.8"
KEYED = [
    pytest.param((ASKED,), {}, (sources.AUTHENTICATED, KEY_7, True), id="answered"),
    pytest.param((SILENT_SOURCE,), {}, (sources.AUTHENTICATED, KEY_7, False), id="not answered"),
    pytest.param(
        (SILENT_SOURCE,),
        {"has_later_sources": True},
        (sources.AUTHENTICATED, KEY_7, None),
        id="who is asked may come later",
    ),
    pytest.param((ASKED,), {"has_later_sources": True}, (sources.AUTHENTICATED, KEY_7, True), id="and answers already"),
    pytest.param((NTS,), {}, (sources.AUTHENTICATED, NTS_SOURCE, True), id="answered with NTS"),
    pytest.param(
        (replace(NTS, nts_key=0),), {}, (sources.AUTHENTICATED, NTS_SOURCE, False), id="NTS without a key exchange"
    ),
    pytest.param(
        (replace(NTS, received=0, authenticated=False),),
        {"has_later_sources": True},
        (sources.AUTHENTICATED, NTS_SOURCE, None),
        id="not answered with NTS by a host that may come later",
    ),
    pytest.param((ASKED,), {"authenticated_sources": 2}, (sources.KNOWN, "", False), id="another one has no address"),
]


@pytest.mark.parametrize(("associations", "expected", "wanted"), KEYED)
def test_sources_that_are_authenticated_are_found(
    associations: tuple[Association, ...], expected: dict[str, Any], wanted: tuple[Check, str, bool | None]
) -> None:
    seen = replace(SERVER, associations=associations)
    found = judged(seen, replace(EXPECTED, **{"authenticated_sources": 1, **expected}))
    check, subject, holds = wanted
    assert one(found, check, subject).holds is holds


UNKNOWN = [
    pytest.param(STOPPED, "chronyd does not run", id="stopped"),
    pytest.param(replace(SERVER, tracking=None, associations=None), "chronyc cannot talk to chronyd", id="mute"),
    pytest.param(
        replace(SERVER, associations=None, missing_folders=("/run/chrony",)),
        "chronyc has no socket to ask for it: missing: /run/chrony",
        id="no socket",
    ),
]


@pytest.mark.parametrize(("evidence", "reason"), UNKNOWN)
def test_sources_that_chronyc_does_not_show_are_not_checked(evidence: Evidence, reason: str) -> None:
    found = judged(evidence, replace(EXPECTED, authenticated_sources=2)).values()
    assert [finding for finding in found if finding.id.startswith("sources.")] == [
        sources.AUTHENTICATED.not_checked(reason, subject="every source with a key or NTS"),
        sources.KNOWN.not_checked(reason),
    ]
    without_keys = judged(evidence, replace(EXPECTED, authenticated_sources=0)).values()
    assert [finding for finding in without_keys if finding.id.startswith("sources.")] == []


@pytest.mark.parametrize(
    ("associations", "answered_before", "vital"),
    [
        ((SILENT_SOURCE,), True, True),
        ((SILENT_SOURCE,), False, False),
        ((SILENT_SOURCE, replace(ASKED, address="198.19.0.9")), True, False),
    ],
    ids=["none answers any more", "none did before", "another one answers"],
)
def test_a_switch_is_taken_back_when_no_source_answers_any_more(
    associations: tuple[Association, ...], answered_before: bool, vital: bool
) -> None:
    seen = replace(SERVER, associations=associations, before=replace(SERVER.before, synchronised=True))
    finding = one(judged(seen, replace(EXPECTED, answered_before=answered_before)), sources.AUTHENTICATED, KEY_7)
    assert (finding.holds, finding.vital) == (False, vital)


def test_a_host_that_had_no_time_before_loses_none() -> None:
    seen = replace(SERVER, associations=(SILENT_SOURCE,), before=replace(SERVER.before, synchronised=False))
    finding = one(judged(seen, replace(EXPECTED, answered_before=True)), sources.AUTHENTICATED, KEY_7)
    assert (finding.holds, finding.vital) == (False, False)


@pytest.mark.parametrize(("association", "answered"), [(ASKED, "Yes, 3"), (SILENT_SOURCE, "No, 0")])
def test_a_source_is_shown_as_ntpdata_shows_it(association: Association, answered: str) -> None:
    finding = one(judged(replace(SERVER, associations=(association,))), sources.AUTHENTICATED, KEY_7)
    assert finding.seen == f"ntpdata says Authenticated: {answered} valid answers"


def test_a_source_with_nts_is_shown_with_its_key_exchange_and_cookies() -> None:
    finding = one(judged(replace(SERVER, associations=(NTS,))), sources.AUTHENTICATED, NTS_SOURCE)
    assert finding.seen == ("ntpdata says Authenticated: Yes, 3 valid answers; authdata says KeyID 1, NAK 0, 8 cookies")


def test_the_layer_that_fails_is_named() -> None:
    fault = SourceFault(layer=Layer.KEY_REFUSED, seen="it is silent", advice="compare the key")
    name = SourceFault(layer=Layer.NAME, seen="it has no address", advice="see the name")
    seen = replace(SERVER, associations=(SILENT_SOURCE,), faults={"198.19.0.8": fault, "nowhere.invalid": name})
    found = judged(seen, replace(EXPECTED, authenticated_sources=2))
    assert one(found, sources.AUTHENTICATED, KEY_7).seen == (
        "ntpdata says Authenticated: No, 0 valid answers; key-unknown-or-mac-wrong: it is silent; compare the key"
    )
    assert one(found, sources.KNOWN).seen == (
        "1 of 2 have an address; nowhere.invalid: name-resolution: it has no address; see the name"
    )


@pytest.mark.parametrize(("synchronised", "vital"), [(True, True), (False, False)])
def test_a_source_without_an_address_takes_time_away_where_there_was_some(synchronised: bool, vital: bool) -> None:
    seen = replace(SERVER, associations=(), before=replace(SERVER.before, synchronised=synchronised))
    found = judged(seen, replace(EXPECTED, authenticated_sources=1, answered_before=True))
    assert one(found, sources.KNOWN) == sources.KNOWN.finding(holds=False, seen="0 of 1 have an address", vital=vital)
