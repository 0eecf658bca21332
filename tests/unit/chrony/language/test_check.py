"""Statements that a chronyd does not apply as they are written, found by the table alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.chrony.language.check import faults, option_faults
from provision.chrony.language.table import source_option, table
from provision.chrony.statement import Statement, statements


def found(line: str, version: str = "4.9") -> list[str]:
    """Return the faults of one line."""
    [statement] = statements(line)
    return list(faults(statement, version))


SOUND = [
    "server ntp1.example.net iburst minpoll 4 maxpoll 6 key 1",
    "Server ntp1 IBURST MinPoll -7",
    "pool pool.ntp.org maxsources 4 copy",
    "peer 10.0.0.1 extfield F323",
    "server ntp1 extfield 0xf324",
    "refclock SHM 0 refid GPS offset 0.5 delay 0.2",
    "refclock PPS /dev/pps0 lock GPS rate 1",
    "makestep 1 3",
    "makestep 0.5 -1",
    "makestep 1e-3 3",
    "allow",
    "allow all",
    "allow all 10.0.0.0/8",
    "allow 10.1",
    "allow 2001:db8::/32",
    "deny client.example.net",
    "local",
    "local stratum 10 orphan",
    "log tracking measurements",
    "hwtimestamp * rxfilter ntp",
    "ratelimit interval 1 burst 16",
    "maxdistance 0.5",
    "bindaddress ::",
    "rtcsync",
]


@pytest.mark.parametrize("line", SOUND)
def test_a_sound_statement_has_no_fault(line: str) -> None:
    assert found(line) == []


FAULTY = [
    ("colour 1", "chrony 4.9 knows no directive 'colour'"),
    ("servr ntp1", "chrony 4.9 knows no directive 'servr'; did you mean 'server'?"),
    ("server", "server: address is missing (host)"),
    ("server ntp1 minpoll 30", "minpoll: 30 is above 24 log2 s"),
    ("server ntp1 minpoll -8", "minpoll: -8 is below -7 log2 s"),
    ("server ntp1 minpoll x", "minpoll: 'x' is no integer"),
    ("server ntp1 minpoll 4.5", "minpoll: '4.5' is no integer"),
    ("server ntp1 minpoll", "minpoll: needs a value (integer)"),
    ("server ntp1 ibrst", "no option 'ibrst'; did you mean 'iburst'?"),
    ("server ntp1 key 0", "key: 0 is below 1"),
    ("server ntp1 key 4294967296", "key: 4294967296 is above 4294967295"),
    ("server ntp1 offset nan", "offset: 'nan' is no number"),
    ("peer 10.0.0.1 extfield F325", "extfield: 'f325' is none of F323, F324, 10A"),
    ("refclock GPS 0", "refclock driver: 'GPS' is none of SHM, SOCK, PPS, PHC, RTC"),
    ("refclock SHM", "refclock: parameter is missing (word)"),
    ("refclock SHM 0 refid GPSDO", "refid: 'GPSDO' is longer than 4 characters"),
    ("makestep 1", "makestep: limit is missing (integer)"),
    ("makestep 1 3 5", "makestep: too many arguments, from '5'"),
    ("allow 10.0.0.0/33", "allow network: '10.0.0.0/33' has more than 32 bits"),
    ("allow 300.1", "allow network: '300.1' is no network"),
    ("allow 10.0.0.0/x", "allow network: '10.0.0.0/x' has no number of bits after the /"),
    ("bindaddress ntp1", "bindaddress: 'ntp1' is no IP address"),
    ("bindaddress fe80::1%eth0", "bindaddress: 'fe80::1%eth0' is no IP address"),
    ("log everything", "log: 'everything' is none of "),
    ("local stratum 16", "stratum: 16 is above 15"),
    ("rtcsync yes", "rtcsync: too many arguments, from 'yes'"),
]


@pytest.mark.parametrize(("line", "reason"), FAULTY)
def test_a_fault_is_named(line: str, reason: str) -> None:
    [first, *_] = found(line)
    assert first.startswith(reason)


OF_A_RELEASE = [
    ("leapseclist /usr/share/zoneinfo/leap-seconds.list", "4.5", "leapseclist came with chrony 4.6"),
    ("server ntp1 copy", "4.0", "copy came with chrony 4.1"),
    ("server ntp1 maxunreach 5", "4.7", "maxunreach came with chrony 4.8"),
    ("log selection", "4.2", "log selection came with chrony 4.3"),
    ("refclock RTC /dev/rtc0", "4.6.1", "refclock driver RTC came with chrony 4.7"),
    ("colour 1", "4.0", "chrony 4.0 knows no directive 'colour'"),
]


@pytest.mark.parametrize(("line", "version", "reason"), OF_A_RELEASE)
def test_a_later_release_is_named(line: str, version: str, reason: str) -> None:
    [first] = found(line, version)
    assert first.startswith(reason)


def test_a_release_after_the_table_may_know_more_directives() -> None:
    assert found("colour 1", "4.10") == []
    assert found("server ntp1 minpoll 30", "4.10") == ["minpoll: 30 is above 24 log2 s"]


def test_after_an_unknown_option_nothing_is_claimed() -> None:
    options = table().source_options
    assert list(option_faults(options, ["colour", "minpoll", "30"], "4.9")) == ["no option 'colour'"]
    assert list(option_faults(options, ["minpoll", "30", "key", "0"], "4.9")) == [
        "minpoll: 30 is above 24 log2 s",
        "key: 0 is below 1",
    ]


WORD = st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\v\f\r"), min_size=1, max_size=12)


@given(st.sampled_from(sorted(table().directives)), st.lists(WORD | st.sampled_from(["1", "-1", "all", "ntp1"])))
def test_no_statement_raises_an_error(name: str, arguments: list[str]) -> None:
    for reason in faults(Statement((name, *arguments)), "4.9"):
        assert "\n" not in reason


def test_the_limits_of_a_number_belong_to_it() -> None:
    option = source_option("minpoll")
    assert option is not None
    for value in (option.min, option.max):
        assert found(f"server ntp1 minpoll {value:.0f}") == []
