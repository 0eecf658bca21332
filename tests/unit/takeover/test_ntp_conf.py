"""ntp.conf of ntpd and NTPsec, as lines of chrony."""

from dataclasses import replace

import pytest

from provision.common.results import Fate
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.ntp_conf import translated
from provision.takeover.ntp_conf.lines import lines_of, trusted

CLOCK = ["rtcsync", "makestep 1 3"]
"""What stands for ntpd's own way to set the clocks."""
EVERYONE = ["allow 0.0.0.0/0", "allow ::/0"]


def service(text: str, *more: ConfigFile) -> ExistingService:
    main = ConfigFile(path="/etc/ntp.conf", text=text)
    return ExistingService(program=Program.NTPD, files=(main, *more))


def lines(text: str) -> list[str]:
    """Return the lines of chrony, without those that each ntp.conf has."""
    found, _ = translated(service(text))
    return [statement.text for statement in found if statement.text not in CLOCK]


def remarks(text: str) -> list[tuple[str, str]]:
    _, found = translated(service(text))
    return [(str(remark.fate), remark.why) for remark in found if remark.line != "steps of the clock"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("server ntp1 iburst prefer minpoll 4 maxpoll 6", "server ntp1 iburst prefer minpoll 4 maxpoll 6"),
        ("server ntp1 key 12 version 3 true", "server ntp1 key 12 version 3 trust"),
        ("server -4 ntp1", "server ntp1 ipv4"),
        ("pool -6 ntp1 iburst", "pool ntp1 iburst ipv6"),
        ("peer 10.0.0.2 key 14 xleave", "peer 10.0.0.2 key 14 xleave"),
        ("server time:4460 nts", "server time nts ntsport 4460"),
        ("server [2001:db8::1]:4461 nts", "server 2001:db8::1 nts ntsport 4461"),
        ("server time:1123", "server time port 1123"),
        ("server 127.127.1.0", "local stratum 5"),
        ("refclock local unit 0 stratum 9", "local stratum 9"),
        ("tos orphan 7", "local stratum 7 orphan"),
        ("tos minsane 2", "minsources 2"),
        ('driftfile "/var/lib/ntp/drift"', "driftfile /var/lib/ntp/drift"),
        ("leapfile /usr/share/leap", "leapseclist /usr/share/leap"),
        ("ntpsigndsocket /var/lib/samba/ntp_signd", "ntpsigndsocket /var/lib/samba/ntp_signd"),
        ("refclock shm unit 2 refid GPS time1 0.1 prefer", "refclock SHM 2 refid GPS offset 0.1 prefer"),
    ],
)
def test_a_line_with_a_counterpart(line: str, expected: str) -> None:
    assert lines(line) == [expected, *EVERYONE]


def test_options_of_a_clock_stand_in_another_line() -> None:
    text = "server 127.127.28.1 minpoll 4\nfudge 127.127.28.1 refid GPS\nfudge 127.127.28.1 time1 0.42\n"
    assert lines(text)[0] == "refclock SHM 1 refid GPS offset 0.42 poll 4"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("frobnicate 7", "has no counterpart in chrony"),
        ("server", "names no server"),
        ("server 127.127.1", "names no reference clock"),
        ("server 127.127.77.0", "chronyd has no such driver"),
        ("refclock jjy unit 0", "chronyd has no such driver; it has SHM, SOCK, PPS, PHC and RTC"),
        ("tos orphan", "orphan has no value"),
        ("tos maxclock 5", "maxclock has no counterpart in chrony"),
        ("restrict ntp.example.net", "names no IP network; write it in serve.allow or serve.deny"),
        (
            "restrict 10.0.0.0 mask 255.0.0.0 notrust",
            "notrust: chronyd answers requests without a key, too, where it answers any",
        ),
    ],
)
def test_a_line_without_a_counterpart_is_named(line: str, why: str) -> None:
    assert (Fate.LOST, why) in remarks(line)


@pytest.mark.parametrize(
    ("options", "end"),
    [("autokey", "; it is asked without authentication"), ("autokey key 12", ""), ("autokey nts", "")],
)
def test_autokey_is_named_as_lost(options: str, end: str) -> None:
    why = f"the server is carried without autokey, which chrony does not have{end}"
    assert (Fate.LOST, why) in remarks(f"server ntp1 {options}")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", EVERYONE),
        ("restrict default ignore", []),
        ("restrict -6 default ignore", ["allow 0.0.0.0/0"]),
        ("restrict default ignore\nrestrict 10.0.0.0 mask 255.0.0.0", ["allow 10.0.0.0/8"]),
        ("restrict 10.0.0.0 mask 255.0.0.0 noserve", [*EVERYONE, "deny 10.0.0.0/8"]),
        # Lines about one network add their flags.
        ("restrict default ignore\nrestrict default nomodify", []),
        ("restrict default ignore\nrestrict -4 default nomodify\nrestrict -6 default", []),
        (
            "restrict 10.0.0.0 mask 255.0.0.0 ignore\nrestrict 10.0.0.0 mask 255.0.0.0 nomodify",
            [*EVERYONE, "deny 10.0.0.0/8", "deny 10.0.0.0/8"],
        ),
        ("restrict default limited", [*EVERYONE, "ratelimit"]),
        ("restrict default ignore\nrestrict -6 2001:db8:: mask ffff:ffff::", ["allow 2001:db8::/32"]),
    ],
)
def test_lines_restrict_are_access_rules(rules: str, expected: list[str]) -> None:
    assert lines(rules) == expected


def test_a_mask_with_holes_is_no_network() -> None:
    assert lines("restrict default ignore\nrestrict 10.0.0.0 mask 255.0.255.0") == []


@pytest.mark.parametrize(
    ("line", "ids"),
    [
        ("trustedkey 1 2 (14 ... 16)", {1, 2, 14, 15, 16}),
        ("trustedkey (3...4)", {3, 4}),
        ("trustedkey x ... 7", {7}),
        ("requestkey 4", set()),
    ],
)
def test_trusted_keys(line: str, ids: set[int]) -> None:
    assert trusted(lines_of(service(line))) == ids


def test_an_included_file_stands_in_the_place_of_its_line() -> None:
    more = ConfigFile(path="/etc/ntp/more.conf", text="server b # second\n")
    found = lines_of(service("server a\nincludefile /etc/ntp/more.conf\nserver c\n", more))
    assert [(line.text, line.place) for line in found] == [
        ("server a", "/etc/ntp.conf:1"),
        ("server b", "/etc/ntp/more.conf:1"),
        ("server c", "/etc/ntp.conf:3"),
    ]


@pytest.mark.parametrize(
    "line", ["includefile /etc/ntpsec/more", "include /etc/ntpsec/more/", "include more", "include more/b.conf"]
)
def test_a_folder_or_a_file_beside_it_may_be_included(line: str) -> None:
    folder = "/etc/ntpsec/more"
    files = [ConfigFile(path=f"{folder}/{name}", text=f"server {name}\n") for name in ("b.conf", "c.conf.old")]
    found = lines_of(service(f"{line}\nserver c\n", *files))
    assert [one.text for one in found] == ["server b.conf", "server c"]


def test_ntpsec_reads_the_folder_beside_its_file_after_it() -> None:
    main = ConfigFile(path="backup/etc/ntpsec/ntp.conf", text="server a\n")
    files = [ConfigFile(path=f"/etc/ntpsec/ntp.d/{name}.conf", text=f"server {name}\n") for name in "cb"]
    ntpsec = ExistingService(program=Program.NTPSEC, files=(main, *files))
    assert [line.text for line in lines_of(ntpsec)] == ["server a", "server b", "server c"]
    assert [line.text for line in lines_of(replace(ntpsec, program=Program.NTPD))] == ["server a"]


def test_a_peer_of_ntpsec_is_a_server() -> None:
    ntpsec = replace(service("peer b key 2\n"), program=Program.NTPSEC)
    found, _ = translated(ntpsec)
    assert found[0].text == "server b key 2"


def test_options_of_the_command_line() -> None:
    found, said = translated(replace(service(""), command=("ntpd", "-x", "-4", "-I", "eth0", "-g", "-u", "ntp")))
    assert found[-1].text == "makestep 600 3"
    assert [(remark.line, remark.fate) for remark in said if remark.place == "command line"] == [
        ("-4", Fate.LOST),
        ("-I eth0", Fate.LOST),
    ]


def test_a_file_that_includes_itself_comes_to_an_end() -> None:
    assert len(lines_of(service("server a\ninclude /etc/ntp.conf\n"))) == 5


def test_a_password_is_not_shown() -> None:
    _, found = translated(service("crypto pw hunter2\nsetvar a=hunter2 default\n"))
    assert [remark.line for remark in found][:2] == ["crypto …", "setvar …"]
