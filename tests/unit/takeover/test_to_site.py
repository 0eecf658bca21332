"""Lines of a chrony.conf as settings of a site."""

from pathlib import Path
from typing import Any

import pytest

from provision.chrony.statement import statements
from provision.common.errors import SiteError
from provision.common.results import Fate, Remark
from provision.site.decode import Tree
from provision.site.read import to_table
from provision.site.schema import Site
from provision.takeover.to_site import tree_of
from provision.takeover.translation import Translated

LOCAL = {"activate": 0.5, "waitsynced": 60, "waitunsynced": 0}
BASE = "server a iburst\nrtcsync\nmakestep 1 3\n"
"""What a site file has as its default, but for the server."""


def result(text: str, **options: Any) -> tuple[Tree, tuple[Remark, ...]]:
    return tree_of(Translated(tuple(statements(text, "c"))), **options)


def time_of(text: str) -> Tree:
    """Return ``[time]`` without the server that each site of these tests has."""
    tree, _ = result(BASE + text)
    time: Tree = tree["time"]
    assert time.pop("servers")[0] == {"address": "a"}
    return time


def fates(text: str) -> list[tuple[str, Fate]]:
    """Return the lines that are not carried as they are, without those of the base."""
    _, remarks = result(BASE + text)
    return [(remark.line, remark.fate) for remark in remarks if remark.fate is not Fate.CARRIED]


def why_of(text: str) -> str:
    """Return the reason for the one line that is not carried."""
    _, remarks = result(BASE + text)
    (remark,) = [remark for remark in remarks if remark.fate is not Fate.CARRIED]
    return remark.why


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("", {}),
        ("maxdistance 2.5", {"maxdistance": 2.5}),
        ("minsources 1", {"minsources": 1}),
        ("authselectmode ignore", {"authselectmode": "ignore"}),
        ("leapsectz right/UTC", {"leapsectz": "right/UTC"}),
        ("local", {"local": {}}),
        ("local activate 0.5 waitsynced 60 waitunsynced 0", {"local": LOCAL}),
        ("local distance 0", {"local": {"distance": 0}}),
        ("driftfile /var/lib/chrony/d interval 60", {"driftfile": "/var/lib/chrony/d", "driftfile_interval": 60}),
        ("driftfile /var/lib/chrony/x interval 60\ndriftfile /var/lib/chrony/d", {"driftfile": "/var/lib/chrony/d"}),
        ("local stratum 8 orphan", {"local": {"stratum": 8, "orphan": True}}),
        ("makestep 0.1 -1", {"makestep": {"threshold": 0.1, "limit": -1}}),
        ("log tracking\nlog tracking rtc", {"log": ["tracking", "rtc"]}),
        ("driftfile /var/lib/chrony/drift", {"driftfile": "/var/lib/chrony/drift"}),
        ("logdir /var/log/chrony", {}),
        ("sourcedir /run/chrony-dhcp", {"extra": ["sourcedir /run/chrony-dhcp"]}),
        ("sourcedir /var/run/chrony-dhcp", {"extra": ["sourcedir /var/run/chrony-dhcp"]}),
        ("sourcedir /etc/chrony/sources.d", {}),
        ("refclock SHM 0 refid GPS", {"extra": ["refclock SHM 0 refid GPS"]}),
        ("maxupdateskew 1\nMaxUpdateSkew 2", {"maxupdateskew": 2}),
    ],
)
def test_a_line_becomes_a_key_or_an_extra_line(text: str, time: Tree) -> None:
    assert time_of(text) == time


def test_the_socket_of_samba_is_carried_on_a_server_alone() -> None:
    line = "ntpsigndsocket /var/lib/samba/ntp_signd"
    assert time_of(f"allow 10.0.0.0/8\n{line}") == {"extra": [line]}
    assert why_of(line) == 'ntpsigndsocket is for clients that ask here; set serve.role = "server"'


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("server b", {"address": "b", "iburst": False}),
        ("Server b IBURST Key 3", {"address": "b", "key": 3}),
        ("server b iburst minpoll 4 maxpoll 6 xleave", {"address": "b", "minpoll": 4, "maxpoll": 6, "xleave": True}),
        ("server b iburst copy extfield F323", {"address": "b", "options": "copy extfield F323"}),
        ("server b iburst offline filter 5 key 3", {"address": "b", "key": 3, "options": "filter 5"}),
        ("server b iburst maxdelay 0.5 nts", {"address": "b", "maxdelay": 0.5, "nts": True}),
    ],
)
def test_options_of_a_source(line: str, source: Tree) -> None:
    tree, _ = result(BASE + line)
    assert tree["time"]["servers"][1] == source


def test_what_chronyd_does_without_a_line_is_said() -> None:
    tree, _ = result("server a iburst")
    assert tree["time"]["rtcsync"] is False
    assert tree["time"]["makestep"] == {"threshold": 1, "limit": 0}


@pytest.mark.parametrize(
    ("text", "serve"),
    [
        ("", {"role": "client"}),
        ("allow 10.0.0.0/8\nport 0", {"role": "client"}),
        ("allow 10.0.0.0/8\ndeny 10.1.0.0/16\nport 123", {"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]}),
    ],
)
def test_who_may_ask(text: str, serve: Tree) -> None:
    tree, _ = result(BASE + text)
    assert tree["serve"] == serve


def test_a_clock_of_its_own_needs_no_servers() -> None:
    tree, _ = result("local stratum 10\nallow 10.0.0.0/8")
    assert tree["time"]["servers"] == []


@pytest.mark.parametrize("text", ["rtcsync", "peer b", "server -h", "server"])
def test_without_a_source_the_default_of_the_site_is_named(text: str) -> None:
    _, remarks = result(text)
    assert remarks[-1].why == (
        "no line that is carried names a source, and the site file leaves its default, servers of pool.ntp.org"
    )


@pytest.mark.parametrize(
    ("text", "line", "fate"),
    [
        ("server", "server", Fate.LOST),
        ("server A", "server A", Fate.CHANGED),
        ("server b minpoll 7 maxpoll 3", "server b minpoll 7 maxpoll 3", Fate.LOST),
        ("server b offline", "server b offline", Fate.LOST),
        ("server b colour 3", "server b colour 3", Fate.LOST),
        ("server b minpoll", "server b minpoll", Fate.LOST),
        ("server b iburst key", "server b iburst key", Fate.LOST),
        ("pidfile /x", "pidfile /x", Fate.CHANGED),
        ("generatecommandkey", "generatecommandkey", Fate.LOST),
        ("driftfile /var/lib/ntp/drift", "driftfile /var/lib/ntp/drift", Fate.CHANGED),
        ("makestep 1", "makestep 1", Fate.LOST),
        ("local stratum 99", "local stratum 99", Fate.LOST),
        ("log nonsense", "log nonsense", Fate.LOST),
        ("log \udce9", "log \udce9", Fate.LOST),
        ("authselectmode \udce9", "authselectmode \udce9", Fate.LOST),
        ("port 1123", "port 1123", Fate.LOST),
        ("allow ntp.example.net", "allow ntp.example.net", Fate.LOST),
        ("allow 10.0.0.0/99", "allow 10.0.0.0/99", Fate.LOST),
        ("frobnicate 7", "frobnicate 7", Fate.LOST),
        ("maxdistance x", "maxdistance x", Fate.LOST),
        ("maxdistance 1 2", "maxdistance 1 2", Fate.LOST),
        ("keyfile /a\nkeyfile /b", "keyfile /a", Fate.CHANGED),
        ("maxupdateskew 1\nmaxupdateskew 2", "maxupdateskew 1", Fate.CHANGED),
    ],
)
def test_settings_that_are_not_carried_unchanged_are_named(text: str, line: str, fate: Fate) -> None:
    assert fates(text) == [(line, fate)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("minsources 3", "minsources 3"),
        ("authselectmode require", "authselectmode require"),
        ("noclientlog\nallow 10.0.0.0/8\nratelimit", "ratelimit"),
        ("peer 10.0.0.2", "peer 10.0.0.2"),
        ("rtcfile /var/lib/chrony/rtc", "rtcfile /var/lib/chrony/rtc"),
    ],
)
def test_a_line_that_contradicts_the_others_is_left_out(text: str, line: str) -> None:
    assert fates(text) == [(line, Fate.LOST)]
    assert "time." not in why_of(text).partition(" ")[0]


def test_of_a_line_that_chronyd_ignores_the_reason_is_given() -> None:
    assert why_of("linux_hz 100") == "chrony no longer supports it"


def test_of_a_line_that_is_left_out_no_other_remark_stays() -> None:
    _, remarks = result(BASE + "noclientlog\nallow 10.0.0.0/8\nratelimit")
    assert [remark.fate for remark in remarks if remark.line == "ratelimit"] == [Fate.LOST]


def test_a_contradiction_that_no_line_alone_settles_is_an_error() -> None:
    with pytest.raises(SiteError, match=r"no site file can have these lines: time.servers: each source has noselect"):
        result("server a noselect\nrtcsync\n")


@pytest.mark.parametrize("line", ["local activate 1", "log tracking selection", "driftfile /x interval 5", "refresh 9"])
def test_settings_that_came_later_than_the_release_are_named(line: str) -> None:
    tree, remarks = result(f"server a\n{line}", chrony="4.0")
    assert remarks[-1].line == line
    assert remarks[-1].fate is not Fate.CARRIED
    site = to_table({**tree, "release": {"chrony": "4.0"}}, Site, Path("site.toml"), place=str)
    assert site.release.chrony == "4.0"


def test_a_line_that_the_release_does_not_know_is_named() -> None:
    _, remarks = result(BASE + "ntsaeads 15\n", chrony="4.0")
    assert [(remark.line, remark.fate) for remark in remarks][-1] == ("ntsaeads 15", Fate.LOST)


@pytest.mark.parametrize(("unit", "is_named"), [("0", True), ("1", True), ("2", False)])
def test_a_reference_clock_that_only_root_may_read_is_named(unit: str, is_named: bool) -> None:  # noqa: FBT001 -- a case
    _, remarks = result(f"{BASE}refclock SHM {unit} refid GPS")
    assert remarks[-1].fate is Fate.CARRIED
    assert ("to root alone" in remarks[-1].why) == is_named


def test_the_filter_of_system_calls_is_a_key() -> None:
    tree, _ = tree_of(Translated(tuple(statements(BASE)), seccomp=1))
    assert tree["service"] == {"seccomp": 1}
