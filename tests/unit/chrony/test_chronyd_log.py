"""What chronyd says when it starts: which of its lines are a complaint."""

import pytest

from provision.chrony.chronyd_log import complaints

# The lines of chrony 4.0 to 4.9 about keys: keys.c, ntp_auth.c, util.c; and of NTS: tls_gnutls.c.
BAD_WORDS = [
    "Could not decode key 2",
    "Invalid length of AES128 key 4 (expected 128 bits)",
    "Invalid type in key 5",
    "Unsupported hash function in key 13",
    "Unsupported cipher in key 1",
    "Could not parse key at line 11 in file /opt/chrony/current/chrony.keys",
    "Detected duplicate key 12",
    "Could not open keyfile /opt/chrony/current/chrony.keys",
    "World-readable permissions on /opt/chrony/current/chrony.keys",
    "Key 99 is missing",
    "Key 10 is too short",
    "Fatal error : Could not get user/group ID of chrony",
    "Could not set credentials : Error while reading file.",
    "Timezone no/Such failed leap second check, ignoring",
    "Leap second list /usr/share/zoneinfo/leap-seconds.list failed check, ignoring",
    "Failed to open leap seconds list /nowhere",
    "linux_hz directive is no longer supported",
    "setrlimit() failed",
    "mlockall() failed",
    "Rate limiting cannot be enabled with noclientlog",
    "Could not enable HW timestamping on eth0",
    "Could not open NTP sockets",
    "Could not read coefficients from /etc/chrony/tempcomp",
    "Could not open RTC device /dev/rtc : Permission denied",
    "logdir not specified",
    "Missing read access to /etc/tls/key.pem : Permission denied",
    "RTC driver could not be initialised",
    "refclock driver PPS is not compiled in",
    "maxtxbuffers too small",
    "NTS not supported with peers",
    "Leap second list /usr/share/zoneinfo/leap-seconds.list needs update",
    "System clock interference detected (another NTP client?)",
    "Having write access to /etc/tls/key.pem",
]
GOOD_WORDS = [
    "chronyd version 4.9 starting (+CMDMON +REFCLOCK +RTC +PRIVDROP +SCFILTER -SIGND +NTS +SECHASH +IPV6 -DEBUG)",
    "Disabled control of system clock",
    "Loaded 9 symmetric keys",
    "Loaded seccomp filter (level 2)",
    "Running with root privileges",
    "No ntsdumpdir to save server keys",
    "Could not open command socket on 127.0.0.1:323",
    "Could not resolve NTP server ntp.invalid from https://x",
    "TLS handshake with 198.51.100.7:4460 (ntp.example) failed : The certificate is NOT trusted.",
    "Could not load dump file for 198.51.100.7",
    "Could not read valid frequency and skew from driftfile /var/lib/chrony/drift",
    "System clock wrong by -0.000004 seconds (ignored)",
    "Selected source 198.51.100.7 (ntp.example)",
    "Source 198.51.100.7 offline",
    "Can't synchronise: no selectable sources",
    "Initial frequency -23.571 ppm",
    "Using right/UTC timezone to obtain leap second data",
]


@pytest.mark.parametrize(("line", "bad"), [(w, True) for w in BAD_WORDS] + [(w, False) for w in GOOD_WORDS])
def test_which_words_of_a_chronyd_are_a_complaint(line: str, bad: bool) -> None:  # noqa: FBT001 -- of a case
    assert (complaints([line]) == (line,)) == bad
