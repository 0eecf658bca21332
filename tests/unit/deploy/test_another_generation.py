"""The difference of two generations in words, and the findings that follow from it."""

from dataclasses import replace

import pytest

from provision.common.results import Finding
from provision.deploy.another_generation import Current, difference_text, judged
from provision.deploy.kept import Kept
from provision.deploy.steps.active import There
from provision.keys import Key, Keys
from tests.helpers.samples import GENERATION
from tests.unit.deploy.test_kept import KEPT

DIFFERENCES = [
    pytest.param(KEPT, "", id="none"),
    pytest.param(
        replace(KEPT, build="chrony-4.8-nettle-3.10.2-0123"),
        f"build chrony-4.8-nettle-3.10.2-0123 in place of {GENERATION.recipe.name}",
        id="build",
    ),
    pytest.param(
        replace(KEPT, conf=f"{KEPT.conf}maxupdateskew 9\nallow 10.0.0.0/8\nallow 10.1.0.0/16\n"),
        "chrony.conf differs (maxupdateskew, allow)",
        id="directives, each once",
    ),
    pytest.param(replace(KEPT, conf=f"{KEPT.conf}# x\n"), "chrony.conf differs (comments)", id="a comment"),
    pytest.param(
        replace(KEPT, keys=Keys((*GENERATION.keys, Key(7, "AES128", bytes(16))))),
        "key 7 removed (AES128)",
        id="keys by their ids",
    ),
    pytest.param(
        replace(KEPT, unit=f"{KEPT.unit}Nice=5\n".replace(GENERATION.id, "aaaa")), "unit differs (Nice)", id="unit"
    ),
]


@pytest.mark.parametrize(("kept", "words"), DIFFERENCES)
def test_the_differences_are_named_without_secrets(kept: Kept, words: str) -> None:
    assert difference_text(kept, GENERATION) == words


def finding(step: str, seen: str, *, holds: bool | None = False) -> Finding:
    return Finding(id=f"site.{step}", claim="c", holds=holds, seen=seen)


OTHER = Current("chrony.conf differs (server)", finding("running-generation", "no difference", holds=True))
HERE = There(current="aaaa", running="aaaa")


def test_one_cause_is_one_failure() -> None:
    found = [
        finding("build", "no finished build of this recipe"),
        finding("staged", "not uploaded yet"),
        finding("active", "runs generation aaaa, the site wants bbbb"),
        finding("daemon-unaltered", "no difference", holds=True),
        finding("confirmed", "not running yet"),
    ]
    instead = "generation aaaa is deployed in its place"
    assert [(one.id, one.holds, one.seen) for one in judged(found, HERE, "bbbb", OTHER)] == [
        ("site.build", None, instead),
        ("site.staged", None, instead),
        ("site.active", False, "runs generation aaaa, the site wants bbbb: chrony.conf differs (server)"),
        ("site.daemon-unaltered", None, "generation aaaa runs"),
        ("site.running-generation", True, "no difference"),
        ("site.confirmed", None, instead),
    ]


def test_another_cause_still_fails() -> None:
    found = [
        finding("staged", "chrony.conf has another content"),
        finding("confirmed", "not running yet; generation aaaa is unconfirmed: the host goes back"),
        finding("links", "missing: /usr/local/bin/chronyc"),
    ]
    assert list(judged(found, HERE, "bbbb", OTHER)) == found


def test_where_the_wanted_generation_runs_nothing_is_changed() -> None:
    found = [finding("active", "daemon is failed"), finding("daemon-unaltered", "no difference", holds=True)]
    assert list(judged(found, HERE, "aaaa", None)) == found


def test_what_does_not_run_is_not_said_to_be_as_it_was() -> None:
    found = [finding("daemon-unaltered", "x", holds=True), finding("process-as-unit", "x", holds=True)]
    seen = [(one.holds, one.seen) for one in judged(found, There(current="aaaa", running=""), "aaaa", None)]
    assert seen == [(None, "chronyd does not run"), (None, "chronyd does not run")]
