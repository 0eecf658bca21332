"""The rules about statements that chronyd accepts and that have another effect than their author wants."""

import re
from collections.abc import Collection

import pytest

from provision.chrony.lint import RULES, lint
from provision.chrony.statement import statements
from tests.helpers.booted_hosts import ROOT

THREE = "server a.example\nserver b.example\nserver c.example\n"


def found(conf: str, key_ids: Collection[int] | None = None) -> list[str]:
    """Return the ids of the rules that find something, in order."""
    return [advice.rule for advice in lint(list(statements(conf, "chrony.conf")), key_ids)]


FAULTS = [
    ("source.single", "server 10.0.0.1 iburst"),
    ("source.two", "server 10.0.0.1\nserver 10.0.0.2"),
    ("source.twice", THREE + "server 10.0.0.1\npeer 10.0.0.1"),
    ("source.polls", THREE + "server d.example maxpoll 4"),
    ("source.polls", THREE + "server d.example minpoll 8 maxpoll 7"),
    ("source.strata", THREE + "minstratum 4\nmaxstratum 3"),
    ("auth.never-selected", "server a.example key 1\nserver b.example nts\npool c.example\nauthselectmode require"),
    ("auth.nothing-to-prefer", THREE + "authselectmode prefer"),
    ("auth.peer-with-nts", THREE + "peer d.example nts"),
    ("auth.ntsport-without-nts", THREE + "server d.example ntsport 4461"),
    ("leap.smear-mixed", THREE + "server time.google.com"),
    ("leap.smear-with-leap-seconds", "pool time.google.com\nleapsectz right/UTC"),
    ("nts.server-files", "pool a.example\nntsservercert /etc/a.pem"),
    ("nts.server-files", "pool a.example\nntsserverkey /etc/a.key"),
    ("nts.server-files", "pool a.example\nntsservercert /etc/a.pem\nntsserverkey /etc/a.key"),
    ("clock.always-steps", "pool a.example\nmakestep 0 -1"),
    ("clock.always-steps", "pool a.example\nmakestep 0.0 3"),
    ("clock.rtc-twice", "pool a.example\nrtcsync\nrtcfile /var/lib/chrony/rtc"),
    ("serve.port-closed", "pool a.example\nport 0\nallow 10.0.0.0/8"),
    ("serve.limit-without-log", "pool a.example\nallow\nnoclientlog\nratelimit interval 3"),
    ("commands.port-closed", "pool a.example\ncmdallow 10.0.0.0/8"),
    ("refclock.pps-alone", "refclock PPS /dev/pps0"),
    ("refclock.unknown-lock", "refclock SHM 0 refid NMEA\nrefclock PPS /dev/pps0 lock GPS"),
    ("directive.no-longer-supported", "pool a.example\nlinux_hz 100"),
]


@pytest.mark.parametrize(("rule", "conf"), FAULTS)
def test_a_fault_is_found_by_one_rule(rule: str, conf: str) -> None:
    assert found(conf) == [rule]


def test_each_rule_has_its_fault_here() -> None:
    with_keys = {"auth.key-missing", "auth.key-unused"}
    assert {rule for rule, _ in FAULTS} | with_keys == {rule.id for rule in RULES}


@pytest.mark.parametrize(
    "conf",
    [
        "pool pool.ntp.org iburst maxsources 4\nmakestep 1 3\nrtcsync",
        "server 10.0.0.1 iburst\nlocal stratum 10",
        "server 10.0.0.1\nserver 10.0.0.2 trust",
        # One name with many servers, as is written for chronyd without "pool".
        "server pool.ntp.org\nserver pool.ntp.org\nserver pool.ntp.org",
        "server 10.0.0.1 noselect\n" + THREE,
        THREE + "server d.example minpoll 4 maxpoll 4",
        THREE + "server d.example maxpoll 10",
        "server time1.google.com\nserver time2.google.com\nserver time3.google.com",
        "refclock SHM 0 refid NMEA noselect\nrefclock PPS /dev/pps0 lock NMEA\nserver a.example",
        "refclock SHM 0 noselect\nrefclock PPS /dev/pps0 lock SHM0",
        "refclock PPS /dev/pps0 local",
        "pool a.example\nmakestep 0 0",
        "pool a.example\nmakestep 1 -1",
        "pool a.example\nport 0\ncmdport 0",
        "pool a.example\ncmdallow 127.0.0.1",
        "pool a.example\ncmdallow 10/8\nbindcmdaddress 0.0.0.0",
        "pool a.example\nntsservercert a\nntsserverkey a\nntsdumpdir /var/lib/chrony",
        "server a.example key 1\nserver b.example nts\nserver c.example key 2\nauthselectmode require",
        "sourcedir /run/chrony-dhcp\nserver a.example",
        # Words that are no numbers are no business of these rules.
        THREE + "server d.example maxpoll x\nminstratum x\nmaxstratum 3\nmakestep x y",
        "",
    ],
)
def test_a_sound_configuration_raises_no_alarm(conf: str) -> None:
    assert found(conf) == []


def test_keys_are_compared_with_the_key_file() -> None:
    conf = "server a.example key 1\nserver b.example key 2\nserver c.example key 2\nkeyfile /etc/chrony/chrony.keys"
    assert found(conf, [1, 2]) == []
    assert found(conf, [1]) == ["auth.key-missing", "auth.key-missing"]
    assert found(conf, [1, 2, 7]) == ["auth.key-unused"]
    assert found(conf + "\nallow 10.0.0.0/8", [1, 2, 7]) == []
    assert found(conf) == []


def test_an_advice_shows_its_place_its_reason_and_its_rule() -> None:
    [advice] = lint(list(statements("\nserver 10.0.0.1", "/etc/chrony.conf")))
    assert str(advice) == (
        "/etc/chrony.conf:2: it follows one server alone, 10.0.0.1: a fault of that server cannot be detected; "
        "with three, chronyd outvotes one of them [source.single]"
    )
    [advice] = lint(list(statements("server 10.0.0.1")))
    assert str(advice).startswith("server 10.0.0.1: it follows one server alone")


def test_the_page_lists_each_rule_with_its_source() -> None:
    rows = re.findall(r"^\| `([a-z.-]+)` \| .+ \| (.+) \|$", (ROOT / "docs/lint.md").read_text(), re.MULTILINE)
    assert rows == [(rule.id, rule.source) for rule in RULES]
