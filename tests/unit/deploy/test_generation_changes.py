"""A new generation beside what a host has, in words for people."""

from dataclasses import replace
from datetime import date

import pytest

from provision.common.results import Change, Sign
from provision.common.text import MINUS
from provision.deploy.generation import Generation
from provision.deploy.generation_changes import Before, generation_changes
from provision.keys import Key, Keys
from provision.keys.certificates import Certificates
from provision.keys.nts_keys import make_server_keys
from tests.helpers.certificates import NOW, YEAR, Authority
from tests.helpers.samples import GENERATION, KEYS, SECRET

NEW, CHANGED, WARNING = Sign.NEW, Sign.CHANGED, Sign.WARNING
SAME = Before(conf=GENERATION.conf, unit=GENERATION.unit, keys=KEYS)
SEVEN = Key(7, "AES128", bytes(16))
SERVER = replace(GENERATION, conf=f"{GENERATION.conf}allow 10.0.0.0/8\n")


def lines(before: Before, generation: Generation = GENERATION) -> list[tuple[Sign, str, str]]:
    """Return sign, subject and text of each change; those that a plan sums up have no text."""
    # Also without another content, the id of a generation makes its unit another one.
    before = replace(before, unit=before.unit.replace(GENERATION.id, generation.id))
    changes = generation_changes(before, generation)
    assert all(bool(change.text) != change.minor for change in changes)
    return [(change.sign, change.subject, change.text) for change in changes]


CHANGES = [
    pytest.param(SAME, GENERATION, [(NEW, "generation", "")], id="another build alone"),
    pytest.param(
        Before(),
        GENERATION,
        [
            (NEW, "chrony.conf", "pool pool.ntp.org; 0 more directives"),
            (NEW, "keys", "1"),
            (NEW, "chronyd.service", ""),
        ],
        id="a bare host",
    ),
    pytest.param(
        Before(),
        SERVER,
        [
            (NEW, "chrony.conf", "pool pool.ntp.org; 0 more directives"),
            (NEW, "access", "10.0.0.0/8"),
            (NEW, "keys", "1"),
            (NEW, "chronyd.service", ""),
        ],
        id="a bare server",
    ),
    pytest.param(
        replace(SAME, conf="server 10.1.2.3 key 12\n"),
        GENERATION,
        [(CHANGED, "chrony.conf", "10.1.2.3 key 12 → pool pool.ntp.org")],
        id="another source",
    ),
    pytest.param(
        replace(SAME, conf=f"# old\n\n{GENERATION.conf}"),
        GENERATION,
        [(CHANGED, "chrony.conf", "comments and blanks")],
        id="a comment",
    ),
    pytest.param(
        replace(SAME, conf=f"rtcsync\n{GENERATION.conf}"),
        replace(GENERATION, conf=f"{GENERATION.conf}rtcsync\n"),
        [(CHANGED, "chrony.conf", "order of lines")],
        id="the order",
    ),
    pytest.param(
        replace(SAME, keys=Keys((replace(KEYS.keys[0], secret=bytes(16)), SEVEN))),
        replace(GENERATION, keys=Keys((*KEYS, Key(12, "AES128", bytes(16)), Key(13, "AES128", bytes(16))))),
        [(CHANGED, "keys", f"+ 12-13   ~ 1   {MINUS} 7")],
        id="keys",
    ),
    pytest.param(
        replace(SAME, keys=None, has_unreadable_keys=True),
        GENERATION,
        [(WARNING, "keys", "those on the host cannot be read and are replaced")],
        id="keys that cannot be read",
    ),
    pytest.param(
        replace(SAME, unit=f"{SAME.unit}Nice=5\n"),
        GENERATION,
        [(CHANGED, "unit", "chronyd.service: Nice")],
        id="the unit",
    ),
]


@pytest.mark.parametrize(("before", "generation", "expected"), CHANGES)
def test_each_change_is_named(before: Before, generation: Generation, expected: list[tuple[Sign, str, str]]) -> None:
    assert lines(before, generation) == expected


ACCESS = [
    pytest.param("", "allow 10.9.0.0/16", "nobody → 10.9.0.0/16 (wider)", id="a server where was a client"),
    pytest.param("allow 10.9.0.0/16", "", "10.9.0.0/16 → nobody (narrower)", id="no server any more"),
    pytest.param("allow 10.9.0.0/16", "allow 10.0.0.0/8", "10.9.0.0/16 → 10.0.0.0/8 (wider)", id="wider"),
    pytest.param(
        "allow 10.9.0.0/16", "allow 10.8.0.0/16", "10.9.0.0/16 → 10.8.0.0/16 (wider and narrower)", id="other networks"
    ),
    pytest.param(
        "port 0\nallow all", "allow 10.9.0.0/16", "nobody → 10.9.0.0/16 (wider)", id="nobody without an NTP port"
    ),
    pytest.param(
        "allow 10.9.0.0/16 x", "allow 10.0.0.0/8", "rules that cannot be read → 10.0.0.0/8", id="chronyd refuses it"
    ),
    pytest.param(
        "allow 10.9.0.0/16\nallow ntp.example",
        "allow 10.0.0.0/8",
        "10.9.0.0/16, ntp.example → 10.0.0.0/8 (wider)",
        id="a host name",
    ),
    pytest.param(
        "allow 10.0.0.0/8\ndeny 10.0.0.0/8\nallow 10.1.0.0/16",
        "allow 10.0.0.0/8",
        "10.1.0.0/16 → 10.0.0.0/8 (wider)",
        id="a later line counts",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), ACCESS)
def test_access_is_compared_by_its_effect(old: str, new: str, words: str) -> None:
    before = replace(SAME, conf=f"{GENERATION.conf}{old}\n")
    generation = replace(GENERATION, conf=f"{GENERATION.conf}{new}\n")
    access = [change for change in generation_changes(before, generation) if change.id == "access"]
    assert access == [Change(id="access", sign=CHANGED, subject="access", text=words)]


def test_equal_access_in_other_lines_is_no_change() -> None:
    before = replace(SAME, conf=f"{GENERATION.conf}allow 10.0.0.0/9\nallow 10.128.0.0/9\n")
    assert "access" not in [change.id for change in generation_changes(before, SERVER)]


def test_certificates_that_change_are_named_with_their_end() -> None:
    authority = Authority.make()
    first, second = (authority.issue("ntp1.example") for _ in range(2))
    end = f"of ntp1.example, until {NOW + YEAR:%Y-%m-%d}"
    new = Certificates(chain=first.certificate, key=first.key, trusted=authority.certificate)
    renewed = replace(new, chain=second.certificate, key=second.key)
    trust = (NEW, "trusted certificates", "CN=Authority of a test")
    assert lines(SAME, replace(GENERATION, certificates=new)) == [(NEW, "certificate", end), trust]
    there = replace(SAME, certificates=replace(new, key=""))
    assert lines(there, replace(GENERATION, certificates=renewed)) == [(CHANGED, "certificate", end)]
    other = replace(new, trusted=Authority.make("Another").certificate)
    words = [(CHANGED, "trusted certificates", "CN=Another")]
    assert lines(there, replace(GENERATION, certificates=other)) == words


def test_no_change_has_a_secret() -> None:
    before = replace(SAME, keys=Keys((SEVEN,)))
    assert SECRET.lower() not in str(generation_changes(before, GENERATION)).lower()
    assert SECRET.lower() not in repr(before).lower()


def test_keys_of_cookies_come_and_go_by_their_ids() -> None:
    shared = make_server_keys(date(2026, 11, 28))
    names = [key.name for key in shared.keys]
    generation = replace(GENERATION, certificates=Certificates(shared_keys=shared.text))
    assert lines(SAME, generation) == [(NEW, "NTS shared keys", "   ".join(f"+ {name}" for name in names))]
    before = replace(SAME, shared_key_names=("00000000", *names[:3]))
    assert lines(before, generation) == [(CHANGED, "NTS shared keys", f"+ {names[3]}   {MINUS} 00000000")]
    rotated = replace(GENERATION, certificates=Certificates(shared_keys=shared.rotated(date(2026, 12, 5)).text))
    assert lines(replace(SAME, shared_key_names=tuple(names)), rotated)[0][2].endswith(f"{MINUS} {names[0]}")
    assert not any(key.secret.hex().upper() in str(lines(SAME, generation)) for key in shared.keys)
