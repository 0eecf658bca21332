"""The step that refuses to replace a configured time service in silence."""

from dataclasses import replace

import pytest

from provision.common.errors import ParseError
from tests.helpers.step_samples import EXISTING

REFCLOCKS = "".join(f">refclock SHM {unit}\n" for unit in range(7))
CONFIGURED = f"""\
service=chrony.service
runs=yes
kind=chrony
file=/etc/chrony/chrony.conf
own=no
{REFCLOCKS}>allow
finished
"""
DEFAULT = CONFIGURED.replace("own=no", "own=yes")
AGREED = replace(EXISTING, replace=True)


def test_the_losses_are_named_with_both_ways_on() -> None:
    refusal = EXISTING.refusal(CONFIGURED)
    assert refusal is not None
    assert refusal.startswith("chrony.service is configured here, and nothing was changed: would be lost or changed: ")
    assert "refclock SHM 0; refclock SHM 1; refclock SHM 2; refclock SHM 3; refclock SHM 4; and 3 more: " in refusal
    assert refusal.endswith(
        "write what is to stay into the site file, as inv import does, or give these up with --replace"
    )
    assert len(EXISTING.losses(CONFIGURED)) == 8


def test_an_operator_who_agrees_is_shown_them_too() -> None:
    assert (AGREED.drift(CONFIGURED), AGREED.refusal(CONFIGURED)) == (None, None)
    assert AGREED.losses(CONFIGURED) == EXISTING.losses(CONFIGURED)


@pytest.mark.parametrize("seen", [DEFAULT, "deployed", "finished"], ids=["a default", "a deployment", "no service"])
def test_nothing_is_lost(seen: str) -> None:
    assert (EXISTING.drift(seen), EXISTING.refusal(seen), EXISTING.losses(seen)) == (None, None, ())


def test_an_answer_that_ends_early_is_no_answer() -> None:
    with pytest.raises(ParseError):
        EXISTING.drift("service=chrony.service\n")
