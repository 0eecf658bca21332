"""The platforms of which this machine can boot a sandbox, and the words for the others."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from provision.common.errors import UsageError
from provision.host.facts import Facts
from provision.host.sandbox.platforms import obstacle, suite_of, suite_of_platform
from tests.helpers.samples import FACTS

BOOKWORM = replace(FACTS, os_codename="bookworm")
TRIXIE = replace(FACTS, os_version="13", os_codename="trixie")
FORKY = replace(FACTS, os_version="", os_codename="forky")
NEXT_TESTING = replace(FACTS, os_version="", os_codename="duke")
ROCKY = replace(FACTS, os="rocky", os_version="9.6", os_codename="", os_name="Rocky Linux 9.6 (Blue Onyx)")
BUSTER = replace(FACTS, os_version="10", os_codename="buster", os_name="Debian GNU/Linux 10 (buster)")


@pytest.fixture(autouse=True)
def _amd64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))


@pytest.mark.parametrize(
    ("facts", "suite"),
    [
        pytest.param(BOOKWORM, "bookworm", id="Debian 12"),
        pytest.param(TRIXIE, "trixie", id="Debian 13"),
        pytest.param(FORKY, "forky", id="Debian testing, and sid"),
        pytest.param(NEXT_TESTING, "testing", id="a Debian without a version, and of an unknown name"),
        pytest.param(replace(BOOKWORM, word_bits=32), "bookworm-i386", id="a Debian of 32 bits on this processor"),
        pytest.param(BUSTER, "", id="a Debian that no mirror has any more"),
        pytest.param(ROCKY, "", id="no Debian"),
        pytest.param(replace(FACTS, os="ubuntu"), "", id="a relative of Debian"),
    ],
)
def test_a_host_has_the_suite_of_its_release(facts: Facts, suite: str) -> None:
    assert suite_of(facts) == suite
    assert bool(obstacle(facts)) is not bool(suite)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        pytest.param(
            ROCKY,
            "a sandbox is a Debian (bullseye, bookworm, trixie, forky, testing, sid), "
            "and the host is Rocky Linux 9.6 (Blue Onyx)",
            id="another distribution",
        ),
        pytest.param(
            replace(BOOKWORM, machine="aarch64"),
            "no sandbox of Debian arm64 can be booted without emulation here, on amd64",
            id="another processor",
        ),
        pytest.param(
            replace(TRIXIE, word_bits=32),
            "no sandbox of Debian i386 can be booted without emulation here, on amd64",
            id="a release that is not there for 32 bits",
        ),
    ],
)
def test_what_cannot_be_booted_is_named(facts: Facts, words: str) -> None:
    assert obstacle(facts) == words


def test_a_platform_names_its_suite() -> None:
    assert suite_of_platform("--platform", "bookworm/amd64") == "bookworm"
    assert suite_of_platform("--platform", "bookworm/i386") == "bookworm-i386"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("bookworm", "expected SUITE/ARCHITECTURE, such as bookworm/amd64", id="no architecture"),
        pytest.param("a/b/c", "expected SUITE/ARCHITECTURE", id="too much"),
        pytest.param(
            "rocky9/amd64",
            "there are bullseye, bookworm, trixie, forky, testing, sid of Debian; for another",
            id="no Debian",
        ),
        pytest.param("../etc/amd64", "expected SUITE/ARCHITECTURE", id="a way out of the folder"),
        pytest.param("bookworm/x86_64", "there is no architecture 'x86_64'; Debian has amd64, i386", id="uname's name"),
        pytest.param(
            "bookworm/arm64",
            "this machine is amd64, and can boot no sandbox of it without emulation; build on a host, or on a machine, "
            "that is arm64",
            id="another architecture",
        ),
    ],
)
def test_a_platform_that_cannot_be_booted_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        suite_of_platform("--platform", text)
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"--platform '{text}': ")
