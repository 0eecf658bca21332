"""The answers to ``authdata`` and ``ntpdata``."""

from dataclasses import replace

import pytest

from provision.chrony.chronyc.associations import Association, Measurement, parse_associations, parse_measurements
from tests.helpers.chronyc_answers import answer


def test_associations_have_the_key_of_the_request_and_that_of_the_answer() -> None:
    seen = parse_associations(answer("authdata-keys"), answer("ntpdata-keys"))
    good = Association(
        address="198.19.0.8",
        key=1,
        received=4,
        authenticated=True,
        sent=4,
        answers=4,
        key_bits=128,
        reference="198.19.0.2",
    )
    assert seen == (good, replace(good, address="198.19.0.9"))


ASSOCIATIONS = [
    pytest.param(",SK,1,", ",-,0,", (None, True), id="asked without a key"),
    pytest.param(",SK,1,", ",NTS,1,", (None, True), id="asked with NTS"),
    pytest.param(",SK,1,", ",SK,4294967295,", (4294967295, True), id="a large id"),
    pytest.param(",No,Yes,", ",No,No,", (1, False), id="what came back was not authenticated"),
]


@pytest.mark.parametrize(("now", "then", "told"), ASSOCIATIONS)
def test_the_configured_key_is_not_taken_for_the_key_of_an_answer(now: str, then: str, told: tuple[int, bool]) -> None:
    authdata, ntpdata = (answer(name).replace(now, then, 1) for name in ("authdata-keys", "ntpdata-keys"))
    first, second = parse_associations(authdata, ntpdata)
    assert (first.key, first.authenticated) == told
    assert (second.key, second.authenticated) == (1, True)


def test_the_last_answer_of_a_source_has_its_names() -> None:
    assert parse_measurements(answer("ntpdata-keys"))["198.19.0.8"] == Measurement(
        offset_seconds=0.000002048,
        delay_seconds=0.000041718,
        dispersion_seconds=0.000000246,
        response_seconds=0.000079458,
        jitter_asymmetry=0.0,
    )


def test_a_source_without_a_valid_answer_to_this_process_has_no_last_answer() -> None:
    line = answer("ntpdata-keys").splitlines()[0]
    fields = line.split(",")
    silent = ",".join([*fields[:32], "0", *fields[33:]])
    assert set(parse_measurements(line)) == {"198.19.0.8"}
    assert parse_measurements(silent) == {}


def test_a_source_with_nts_has_cookies_and_no_key_of_the_file() -> None:
    authdata = "198.18.130.29,NTS,2,30,256,20,1,3,8,100\n"
    ntpdata = answer("ntpdata-keys").splitlines()[0].replace("198.19.0.8", "198.18.130.29")
    (seen,) = parse_associations(authdata, ntpdata)
    assert (seen.nts, seen.key, seen.credential) == (True, None, "NTS")
    assert (seen.nts_key, seen.key_bits, seen.refused_cookies, seen.cookies) == (2, 256, 3, 8)
