"""Which directives of a drop-in are harmless; tests/unit/verify/test_unit.py has whole drop-ins."""

import pytest

from provision.chrony.drop_ins import TRUSTED_VARIABLE, is_harmless, parse_time

TIMES = [
    ("90", 90),
    ("1min 30s", 90),
    ("1.5h", 5400),
    ("500ms", 0.5),
    ("1us", 1e-6),
    ("2 hours 1 sec", 7201),
    ("infinity", float("inf")),
    ("", None),
    ("soon", None),
    ("90s soon", None),
    ("90s 2fortnights", None),
    ("-1", None),
]


@pytest.mark.parametrize(("text", "seconds"), TIMES)
def test_a_time_span_is_read_as_systemd_reads_it(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


UNIT = {"TimeoutStartSec": ("20",), "TimeoutStopSec": ("10",)}
DIRECTIVES = [
    ("StandardOutput", "null", True),
    ("StandardOutput", "null:/etc/x", False),
    ("StandardError", "syslog+console", True),
    ("StandardError", "file:/etc/x", False),
    ("Environment", "LANG=a=b", True),
    ("Environment", "LANGSAM=1", False),
    ("Environment", "LC_ALL=C https_proxy=http://proxy", True),
    ("Environment", "LANG", False),
    ("LimitNOFILE", "1024", True),
    ("LimitNOFILE", "1023", False),
    ("LimitNOFILE", "1024:infinity", True),
    ("LimitNOFILE", "4096x", False),
    ("LimitNPROC", "64", True),
    ("LimitNPROC", "63", False),
    ("TasksMax", "64", True),
    ("TasksMax", "63", False),
    ("TasksMax", "50%", False),
    ("TimeoutStartSec", "20", True),
    ("TimeoutStartSec", "19", False),
    ("TimeoutStopSec", "10", True),
    ("TimeoutStopSec", "9", False),
    ("TimeoutAbortSec", "10", True),
    ("TimeoutAbortSec", "9", False),
    ("TimeoutSec", "20", True),
    ("TimeoutSec", "19", False),
    ("StartLimitIntervalSec", "1", True),
    ("StartLimitInterval", "1", True),
    ("LogRateLimitBurst", "1", True),
    ("RestartSec", "1", True),
    ("NiceX", "1", False),
    ("XNice", "1", False),
]


@pytest.mark.parametrize(("name", "value", "harmless"), DIRECTIVES)
def test_a_directive_that_can_neither_stop_nor_mislead_chronyd_is_harmless(
    name: str,
    value: str,
    harmless: bool,  # noqa: FBT001 -- a parameter of a case
) -> None:
    assert is_harmless(name, value, UNIT) is harmless


def test_a_time_that_the_unit_does_not_have_is_not_compared() -> None:
    assert not is_harmless("TimeoutStartSec", "20", {})


VARIABLES = [
    ("LANG", True),
    ("TZ", True),
    ("INVOCATION_ID", True),
    ("HOSTNAME", True),
    ("LD_PRELOAD", False),
    ("GLIBC_TUNABLES", False),
    ("MALLOC_ARENA_MAX", False),
    ("GNUTLS_SYSTEM_PRIORITY_FILE", False),
    ("P11_KIT_STRICT", False),
    ("SSLKEYLOGFILE", False),
    ("OPENSSL_CONF", False),
    ("NETTLE_FAT_OVERRIDE", False),
    ("CHRONY_GENERATION", False),
    ("LISTEN_FDS", False),
    ("NOTIFY_SOCKET", False),
    ("WATCHDOG_USEC", False),
    ("RES_OPTIONS", False),
    ("RESOLV_HOST_CONF", False),
    ("NSS_X", False),
    ("SYSTEMD_NSS_DYNAMIC_BYPASS", False),
    ("HOSTALIASES", False),
    ("LOCALDOMAIN", False),
    ("TZDIR", False),
    ("LOCPATH", False),
    ("NLSPATH", False),
    ("GCONV_PATH", False),
    ("1A", False),
]


@pytest.mark.parametrize(("name", "trusted"), VARIABLES)
def test_a_variable_that_libraries_and_chronyd_read_is_not_trusted(
    name: str,
    trusted: bool,  # noqa: FBT001 -- a parameter of a case
) -> None:
    assert (TRUSTED_VARIABLE.fullmatch(name) is not None) is trusted
