"""The use of keys is read from a host: what it prints becomes values."""

import pytest

from provision.common.errors import ParseError
from provision.deploy.key_usage import SET_SIZE, key_usage, parse_usage
from provision.output.key_usage import KeyUsage
from tests.unit.deploy.conftest import Operator

PRINTED = "now 1795000100\nsince 1790000000\nsaved 1795000000\n9 3 1795000000\n7 12 1794000000\nfinished\n"


def test_the_counts_are_in_the_report_and_nothing_is_changed(operator: Operator) -> None:
    operator.host.answers["print_key_usage"] = PRINTED
    report = operator.run(key_usage)
    assert report.ok
    assert report.key_usage is not None
    assert [(key.id, key.answers) for key in report.key_usage.keys] == [(7, 12), (9, 3)]
    assert operator.host.told == []


@pytest.mark.parametrize("answer", ["", PRINTED.removesuffix("finished\n")])
def test_an_answer_that_was_cut_off_is_an_error(answer: str, operator: Operator) -> None:
    operator.host.answers["print_key_usage"] = answer
    report = operator.run(key_usage)
    assert report.key_usage is None
    assert "the answer is incomplete" in (report.error or "")


def test_the_counts_of_a_host_become_values_by_id() -> None:
    found = parse_usage(PRINTED)
    assert (found.unknown, found.since, found.as_of) == ("", "2026-09-21T14:13:20Z", "2026-11-18T11:08:20Z")
    assert [(key.id, key.answers, key.last) for key in found.keys] == [
        (7, 12, "2026-11-06T21:20:00Z"),
        (9, 3, "2026-11-18T11:06:40Z"),
    ]


CLIENTS = "from 7 192.0.2.1\nfrom 7 2001:db8::1\nfrom 8 192.0.2.9\n"


def test_addresses_belong_to_their_keys() -> None:
    found = parse_usage(CLIENTS + PRINTED, addresses=True)
    assert [key.addresses for key in found.keys] == [("192.0.2.1", "2001:db8::1"), ()]


@pytest.mark.parametrize(("text", "addresses"), [(PRINTED, False), (f"no addresses\n{PRINTED}", True)])
def test_addresses_are_unknown_if_they_were_not_asked_for_or_nft_is_old(text: str, addresses: bool) -> None:  # noqa: FBT001 -- a column
    found = parse_usage(text, addresses=addresses)
    assert [key.addresses for key in found.keys] == [None, None]


def test_a_host_without_counts_says_why() -> None:
    found = parse_usage("unknown there is no nftables on this host\nfinished\n")
    assert found == KeyUsage(unknown="there is no nftables on this host", keys=())


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "since 1\n",
        "finished\n",
        "since 1\nsaved 1\nfinished\n",
        "now 1\nsince 1\nsaved 1\n7 x 1\nfinished\n",
        "now 1\nsince 1\n7 1 99999999999999\nfinished\n",
    ],
)
def test_an_answer_that_is_cut_off_or_has_another_form_is_an_error(printed: str) -> None:
    with pytest.raises(ParseError):
        parse_usage(printed)


def test_a_full_set_counts_no_further_keys_so_nothing_is_known() -> None:
    lines = "".join(f"{id_} 1 1795000000\n" for id_ in range(1, SET_SIZE + 1))
    found = parse_usage(f"now 1\nsince 1\nsaved 1\n{lines}finished\n")
    assert (found.since, found.keys) == (None, ())
    assert "more than 131072 keys were used" in found.unknown
