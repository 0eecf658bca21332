"""Parse the output of chrony's ``./configure``, and find the differences from the build that the site requires.

The "Checking for" lines are only on standard output: config.log contains the test programs and the compiler's errors,
but not the answers. configure exits with 0 when it falls back to fewer features, so its exit status proves nothing. No
feature flag shows CMAC: a build with NSS, LibTomCrypt or Nettle before 3.5 also has +SECHASH.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provision.common.errors import ParseError

CHECK = re.compile(r"^Checking for (?P<what>.+) : (?P<answer>Yes|No)$", re.MULTILINE)
FEATURES = re.compile(r"^Features :(?P<flags>(?: [+-]\w+)+)$", re.MULTILINE)
UNRECOGNIZED = re.compile(r"^Unrecognized option : +(?P<option>\S.*)$", re.MULTILINE)
ERA = re.compile(r"^NTP time mapped to (?P<start>\S+)/\S+$", re.MULTILINE)
ERROR = re.compile(r"^error: (?P<words>\S.*)$", re.MULTILINE)
SHORT_TIME = (
    "chronyd accepts no time after 19 January 2037, a year before such a clock ends; "
    "before that, move to a distribution that counts with 64 bits, such as Debian 13 on armhf"
)
"""The consequence of counting seconds with 32 bits (``UTI_IsTimeOffsetSane`` in chrony's util.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureLog:
    """Hold the results of a finished ./configure."""

    checks: Mapping[str, bool]
    """The answer to each "Checking for"; checks that were not made are absent."""
    features: frozenset[str]
    """Enabled features, such as ``PRIVDROP``."""
    unrecognized: tuple[str, ...] = ()
    """The arguments that configure did not know and ignored."""
    era: str | None = None
    """The earliest time that NTP timestamps map to (UTC, ISO 8601)."""

    @property
    def has_short_time(self) -> bool:
        """Return whether seconds are counted with 32 bits."""
        return self.checks.get("64-bit time_t") is False

    def found(self, what: str) -> bool:
        """Return whether configure made a check and found its object."""
        return self.checks.get(what, False)

    @property
    def hash_provider(self) -> str | None:
        """Return the library for hashes: ``nettle``, ``gnutls``, ``NSS`` or ``tomcrypt``; None is chrony's own MD5.

        configure checks for a library only if it has not found the previous ones. chrony 4.0 and 4.1 cannot hash with
        GnuTLS: there, the line "Checking for gnutls" is about NTS, and no line about CMAC in gnutls follows.
        """
        if self.found("gnutls") and "CMAC in gnutls" in self.checks:
            return "gnutls"
        return next((library for library in ("nettle", "NSS", "tomcrypt") if self.found(library)), None)


def parse_configure_log(text: str) -> ConfigureLog:
    """Parse the standard output of a finished ./configure; other output before and after it is ignored."""
    features = FEATURES.search(text)
    if features is None:
        raise ParseError(_why_it_ended(text))
    era = ERA.search(text)
    return ConfigureLog(
        checks={match["what"]: match["answer"] == "Yes" for match in CHECK.finditer(text)},
        features=frozenset(flag[1:] for flag in features["flags"].split() if flag[0] == "+"),
        unrecognized=tuple(match["option"] for match in UNRECOGNIZED.finditer(text)),
        era=era and era["start"],
    )


def _why_it_ended(text: str) -> str:
    if (error := ERROR.search(text)) is None:
        return "chrony's configure did not print its 'Features :' line; it stopped early: see the log of the build"
    return f"chrony's configure stopped: {error['words']}"


def refusals(log: ConfigureLog, *, nts: bool, seccomp: bool, readline: bool, pps: bool, signd: bool) -> tuple[str, ...]:
    """Return the reasons against this build, each with its cause and remedy in one line; empty if there are none.

    Each cause is reported once; its consequences are left out.
    """
    return (
        *(
            f"configure does not know {option!r}: misspelt, or not an option of this chrony version"
            for option in log.unrecognized
        ),
        *_cryptography(log, nts=nts),
        *_libraries(log, seccomp=seccomp, readline=readline),
        *_pps(log, pps=pps),
        *_signd(log, signd=signd),
    )


def _cryptography(log: ConfigureLog, *, nts: bool) -> Iterator[str]:
    """Yield the faults of hashes, CMAC and NTS. configure finds Nettle and GnuTLS through pkg-config."""
    if not log.found("pkg-config"):
        yield "pkg-config was not found, so configure looked for neither Nettle nor GnuTLS: install pkg-config"
        return
    if (hashes := _hashes(log)) is not None:
        yield hashes
    if nts and "NTS" not in log.features:
        yield _no_nts(log)


def _hashes(log: ConfigureLog) -> str | None:
    """Return the reason why Nettle does not provide hashes and CMACs, or None."""
    if log.hash_provider == "nettle":
        return _nettle(log)
    if "nettle" in log.checks:
        why = "Nettle was not found: let PKG_CONFIG_PATH name the folder of its nettle.pc"
    else:
        why = "Nettle was not looked for: drop --without-nettle and --disable-sechash"
    if log.hash_provider is None:
        return f"{why} (-SECHASH: this build knows MD5 only)"
    return f"{why} (chrony would hash with {log.hash_provider} in its place)"


def _nettle(log: ConfigureLog) -> str | None:
    if not log.found("CMAC in nettle"):
        return 'Nettle is older than 3.5 and has no CMAC, so there are no AES keys: choose release.nettle = "3.10.2"'
    if "SECHASH" not in log.features:
        return "Nettle was found, but its hashes are switched off (-SECHASH): drop --disable-sechash"
    return None


def _no_nts(log: ConfigureLog) -> str:
    """Return the reason why NTS is missing. It needs TLS 1.3 from GnuTLS, and AES-SIV-CMAC from Nettle or GnuTLS."""
    # The second name is that of chrony 4.0 and 4.1; if both are present, the second is about hashes.
    tls = next((what for what in ("TLS1.3 in gnutls", "gnutls") if what in log.checks), None)
    if tls is None:
        return "NTS was switched off: drop --disable-nts, or choose build.nts = false"
    if not log.found(tls):
        remedy = "install libgnutls28-dev (gnutls-devel), or choose build.nts = false"
        return f"GnuTLS with TLS 1.3 was not found, so there is no NTS: {remedy}"
    return 'NTS needs AES-SIV-CMAC, which came with Nettle 3.6: choose release.nettle = "3.10.2", or build.nts = false'


def _libraries(log: ConfigureLog, *, seccomp: bool, readline: bool) -> Iterator[str]:
    """Yield the missing features other than cryptography."""
    if "PRIVDROP" not in log.features:
        cause = _cause(log, "libcap", "install libcap-dev (libcap-devel)", "drop --without-libcap")
        yield f"{cause}; without it chronyd cannot give up root (-PRIVDROP)"
    if seccomp and "SCFILTER" not in log.features:
        cause = _cause(log, "seccomp", "install libseccomp-dev (libseccomp-devel)", "add --enable-scfilter")
        yield f"{cause}, or choose build.seccomp = false; without it chronyd cannot filter system calls (-SCFILTER)"
    if readline and "READLINE" not in log.features:
        cause = _cause(log, "editline", "install libedit-dev (libedit-devel)", "drop --disable-readline")
        yield f"{cause}, or choose build.readline = false; without it chronyc cannot edit lines (-READLINE)"
    if "IPV6" not in log.features:
        headers = "install the C library's headers (libc6-dev, glibc-devel)"
        cause = _cause(log, "IPv6 support", headers, "drop --disable-ipv6")
        yield f"{cause}; without it chronyd speaks IPv4 only (-IPV6)"


def _pps(log: ConfigureLog, *, pps: bool) -> Iterator[str]:
    """Yield a fault if reference clocks with PPS are not supported; no feature flag shows this."""
    if pps and not log.found("PPSAPI"):
        cause = _cause(log, "<timepps.h>", "install pps-tools (pps-tools-devel)", "drop --disable-pps")
        yield f"{cause}; without it chronyd has no refclock PPS"


def _signd(log: ConfigureLog, *, signd: bool) -> Iterator[str]:
    """Yield a fault if MS-SNTP is missing: chronyd would accept ``ntpsigndsocket`` and ignore it."""
    if signd and "SIGND" not in log.features:
        yield "MS-SNTP was not asked for: add --enable-ntp-signd; without it chronyd ignores ntpsigndsocket (-SIGND)"


def _cause(log: ConfigureLog, what: str, if_missing: str, if_not_asked: str) -> str:
    """Return the message for a library that was not found, or the one for a library that was not checked."""
    if what in log.checks:
        return f"{what} was not found: {if_missing}"
    return f"{what} was not looked for: {if_not_asked}"
