"""Lines of the operator's own: the directives that a site may hold."""

from pathlib import Path

import pytest

from provision.site.directive import Directive
from tests.helpers.site_files import NTP_CONF_CLOCK, assert_refused, read, server

STATE = "must be /var/lib/chrony or below, the one folder where the service keeps state"
REFUSED = [
    pytest.param("[time]\nextra = ['']", "time.extra[0]: '' is no directive of chrony.conf", id="an empty line"),
    *(
        pytest.param(
            f"[time]\nextra = ['{line}']",
            "time.extra[0]: is a line of a key file, with a secret, so it is not shown; "
            "keys are in the file of keys.file",
            id=f"a key: {line[:8]}",
        )
        for line in (
            "7 AES128 HEX:00112233445566778899aabbccddeeff",
            "7 tulip",
            "7:SHA1:hex:0011",
            "AES128 HEX:00112233445566778899aabbccddeeff",
        )
    ),
    pytest.param(
        "[time]\nextra = ['# note']", "time.extra[0]: '# note' is no directive of chrony.conf", id="a comment"
    ),
    pytest.param(
        "[time]\nextra = ['Allow all']",
        "time.extra[0]: allow is not for extra lines: use serve.allow",
        id="a key of the site",
    ),
    pytest.param(
        "[time]\nextra = ['dumpdir /srv']",
        "time.extra[0]: dumpdir is not for extra lines: measurements are kept in /run, for a restart alone",
        id="a folder that the service could not write",
    ),
    pytest.param(
        "[time]\nextra = ['include /etc/chrony/more']",
        "time.extra[0]: include is not for extra lines: "
        "the deployment validates and switches one file; write its lines in time.extra, except those that the site "
        "file has keys for: server (time.servers), pool (time.pools), allow (serve.allow), deny (serve.deny)",
        id="a second file",
    ),
    pytest.param(
        "[time]\nextra = ['linux_hz 100']",
        "time.extra[0]: linux_hz is not for extra lines: chrony no longer supports it",
        id="a directive of the past",
    ),
    pytest.param(
        "[time]\nextra = ['lock_all', 'hwtimestmp *']",
        "time.extra[1]: chrony 4.9 knows no directive 'hwtimestmp'; did you mean 'hwtimestamp'?",
        id="a directive that chrony does not know",
    ),
    pytest.param(
        "[release]\nchrony = '4.3'\n[time]\nextra = ['leapseclist /usr/share/zoneinfo/leap-seconds.list']",
        "time.extra[0]: leapseclist came with chrony 4.6, and the release is 4.3",
        id="a directive of a later chrony",
    ),
    pytest.param(
        "[build]\nnts = false\n[time]\nextra = ['ntsserverkey /etc/chrony/k']",
        "time.extra[0]: ntsserverkey needs build.nts = true",
        id="a directive that the build would ignore",
    ),
    pytest.param(
        "[time]\nextra = ['sourcedir /run/chrony-dhcp /etc/chrony/sources.d']",
        "time.extra[0]: sourcedir '/etc/chrony/sources.d': must be below /run, where a DHCP client writes; "
        "other sources are set by time.servers and time.pools",
        id="a folder of sources that no DHCP client writes",
    ),
    pytest.param(
        "[serve]\nrole = 'client'\n[time]\nextra = ['ntpsigndsocket /var/lib/samba/ntp_signd']",
        'time.extra[0]: ntpsigndsocket is for clients that ask here; set serve.role = "server"',
        id="signed answers of a client",
    ),
    pytest.param(
        "[time]\nextra = ['sourcedir /run/../etc/chrony']",
        "time.extra[0]: sourcedir '/run/../etc/chrony': must be below /run, where a DHCP client writes; "
        "other sources are set by time.servers and time.pools",
        id="a way out of /run",
    ),
    pytest.param(
        "[time]\nextra = ['rtcfile /var/lib/chrony/rtc']",
        "time.extra[0]: rtcfile cannot go with time.rtcsync; set that to false",
        id="rtcfile and rtcsync",
    ),
    pytest.param(
        f"[time]\nextra = ['hwtimestamp {'x' * 2100}']",
        "time.extra[0]: is longer than the 2046 bytes that chronyd reads",
        id="a line longer than chronyd reads",
    ),
    pytest.param(
        "[time]\nextra = ['initstepslew 10 ntp1']",
        "time.extra[0]: initstepslew is not for extra lines: use time.makestep: chronyd would answer nobody until its "
        "servers have answered or timed out",
        id="a start that waits for servers",
    ),
    *(
        pytest.param(
            f"[serve]\nrole = 'client'\n[time]\nservers = [{{ address = 'a' }}]\nextra = ['{line}']",
            f'time.extra[0]: {line.split()[0].lower()} sends from the NTP port; set serve.role = "server"',
            id=f"{line.split()[0]} of a client",
        )
        for line in ("peer ntp2 key 1", "Broadcast 60 192.0.2.255")
    ),
    pytest.param(
        server("iburst = true").replace("[time]", "[time]\nextra = ['lock_all', 'peer NTP1.example.net']", 1),
        "time.extra[1]: NTP1.example.net is named twice, first in time.servers[0]",
        id="a peer that is a server, too",
    ),
    *(
        pytest.param(
            f"[time]\nextra = ['lock_all', 'peer{address}']",
            f"time.extra[1]: peer: '{address.strip()}' is neither a host name nor an IP address",
            id=f"a peer with the address {address.strip() or 'missing'}",
        )
        for address in ("", " a!b", " 300.1.1.1")
    ),
    pytest.param(
        "[time]\nextra = ['mailonchange root 0.5']",
        "time.extra[0]: mailonchange is not for extra lines: the service has no right to start sendmail",
        id="mail, for which the service would need rights",
    ),
    pytest.param(
        "[time]\nservers = []\nextra = ['peer 127.127.1.0 key 1']",
        f"time.extra[0]: 127.127.1.0 {NTP_CONF_CLOCK}",
        id="ntp.conf's clock as a peer",
    ),
    pytest.param(
        server("iburst = true") + "\nextra = ['maxstratum 3', 'minstratum 14']",
        "time.extra: minstratum is above maxstratum, so that no source can be selected",
        id="strata that no source has",
    ),
    *(
        pytest.param(
            f"[time]\nextra = ['noclientlog', '{name} interval 1']",
            f"time.extra[1]: {name} cannot go with noclientlog: chronyd limits by that log",
            id=f"{name} without the log that it needs",
        )
        for name in ("ratelimit", "ntsratelimit", "cmdratelimit")
    ),
    # What chronyd accepts, and cannot do.
    pytest.param(
        "[time]\nextra = ['refclock BOGUS x']",
        "time.extra[0]: refclock driver: 'BOGUS' is none of SHM, SOCK, PPS, PHC, RTC",
        id="no such driver",
    ),
    pytest.param(
        "[time]\nextra = ['refclock pps /dev/pps0']",
        "time.extra[0]: refclock driver: 'pps' is none of SHM, SOCK, PPS, PHC, RTC",
        id="a driver in small letters",
    ),
    *(
        pytest.param(
            f"[time]\nrtcsync = false\nextra = ['{name} {path}']",
            f"time.extra[0]: {name} '{path}': {STATE}",
            id=f"{name} in a folder that the service cannot write",
        )
        for name, path in (
            ("ntsdumpdir", "/var/lib/x"),
            ("ntsdumpdir", "/var/lib/chrony/../x"),
            ("ntscachedir", "/var/lib/chronyx"),
            ("rtcfile", "/etc/chrony.rtc"),
        )
    ),
    *(
        pytest.param(
            f"[release]\nchrony = '{chrony}'\n[time]\n{line}",
            f"time.{place}: {words} came with chrony {since}, and the release is {chrony}",
            id=f"{words} before chrony {since}",
        )
        for chrony, line, place, words, since in (
            ("4.2", "log = ['selection']", "log[0]", "log selection", "4.3"),
            ("4.8", "extra = ['refclock PHC /dev/ptp0 optional']", "extra[0]", "optional", "4.9"),
            ("4.6", "extra = ['refclock RTC /dev/rtc0']", "extra[0]", "refclock driver RTC", "4.7"),
            ("4.6.1", "local = { waitsynced = 5 }", "local", "waitsynced", "4.7"),
            ("4.6.1", "driftfile_interval = 60", "driftfile_interval", "interval", "4.7"),
            ("4.0", "extra = ['peer a key 1 copy']", "extra[0]", "copy", "4.1"),
            ("4.5", "extra = ['ratelimit interval 1 kod 2']", "extra[0]", "kod", "4.6"),
        )
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


def test_a_directive_that_is_newer_than_this_package_is_left_to_chronyd(tmp_path: Path) -> None:
    site = read(tmp_path, "[release]\nchrony = '9.0'\n[time]\nextra = ['brandnew 1']")
    assert site.time.extra == ("brandnew 1",)


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        pytest.param("refclock PPS /dev/pps0 lock NMEA", True, id="PPS"),
        pytest.param("Refclock  PPS /dev/pps0", True, id="as chrony reads directives"),
        pytest.param("refclock PHC /dev/ptp0:extpps", False, id="pulses by way of a network card"),
        pytest.param("refclock SHM 0 refid PPS", False, id="PPS by name only"),
    ],
)
def test_the_build_knows_pulses_where_a_line_reads_them(line: str, needed: bool, tmp_path: Path) -> None:  # noqa: FBT001 -- a column of the table
    assert read(tmp_path, f"[time]\nextra = ['{line}']").needs_pps == needed


def test_the_build_knows_signed_answers_where_a_line_names_the_socket(tmp_path: Path) -> None:
    assert read(tmp_path, "[time]\nextra = ['NTPsigndsocket /var/lib/samba/ntp_signd']").needs_signd
    assert not read(tmp_path, "").needs_signd


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("ntstrustedcerts /etc/x", True),
        ("nocerttimecheck 1", True),
        ("nosystemcert", True),
        ("NoCertTimeCheck 1", True),
        ("noclientlog", False),
    ],
)
def test_a_directive_of_nts_needs_a_build_with_nts(line: str, needs: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    assert Directive(line).needs_nts is needs
