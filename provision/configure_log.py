"""Read what chrony's ``./configure`` prints, and say what keeps it from being the build that the site asks for.

The "Checking for" lines go to standard output only: config.log holds the test programs and the compiler's complaints,
never the answers. configure exits 0 when it falls back to something less, so its exit status proves nothing; and no
feature token speaks of CMAC: a build on NSS, LibTomCrypt or Nettle before 3.5 also says +SECHASH.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provision.errors import ParseError

CHECK = re.compile(r"^Checking for (?P<what>.+) : (?P<answer>Yes|No)$", re.MULTILINE)
FEATURES = re.compile(r"^Features :(?P<flags>(?: [+-]\w+)+)$", re.MULTILINE)
UNRECOGNIZED = re.compile(r"^Unrecognized option : +(?P<option>\S.*)$", re.MULTILINE)
ERA = re.compile(r"^NTP time mapped to (?P<start>\S+)/\S+$", re.MULTILINE)
ERROR = re.compile(r"^error: (?P<words>\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigureLog:
    """What a finished ./configure found."""

    checks: Mapping[str, bool]
    """The answer to each "Checking for"; what was not looked for is missing."""
    features: frozenset[str]
    """The features with a plus, such as ``PRIVDROP``."""
    unrecognized: tuple[str, ...] = ()
    """The arguments that configure did not know, and ignored."""
    era: str | None = None
    """The first instant that NTP time maps to (UTC, ISO 8601)."""

    def found(self, what: str) -> bool:
        """Say whether configure looked for something and found it."""
        return self.checks.get(what, False)

    @property
    def hash_provider(self) -> str | None:
        """Return the library that hashes: ``nettle``, ``gnutls``, ``NSS`` or ``tomcrypt``; None is chrony's own MD5.

        A library is looked for only when the ones before it were not found. chrony 4.0 and 4.1 cannot hash with GnuTLS:
        there the line "Checking for gnutls" asks for NTS, and none about CMAC in gnutls follows.
        """
        if self.found("gnutls") and "CMAC in gnutls" in self.checks:
            return "gnutls"
        return next((library for library in ("nettle", "NSS", "tomcrypt") if self.found(library)), None)


def parse_configure_log(text: str) -> ConfigureLog:
    """Parse the standard output of a finished ./configure; other output before and behind it does no harm."""
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


def refusals(log: ConfigureLog, *, nts: bool, seccomp: bool, readline: bool, pps: bool) -> tuple[str, ...]:
    """Return what makes this build unfit, each with its cause and its remedy in one line; nothing when it is as wanted.

    One cause is told once: what follows from it is left out.
    """
    return (
        *(
            f"configure does not know {option!r}: misspelt, or not an option of this chrony version"
            for option in log.unrecognized
        ),
        *_cryptography(log, nts=nts),
        *_libraries(log, seccomp=seccomp, readline=readline),
        *_pps(log, pps=pps),
    )


def _cryptography(log: ConfigureLog, *, nts: bool) -> Iterator[str]:
    """Tell what is wrong with hashes, CMAC and NTS; Nettle and GnuTLS are found through pkg-config."""
    if not log.found("pkg-config"):
        yield "pkg-config was not found, so configure looked for neither Nettle nor GnuTLS: install pkg-config"
        return
    if (hashes := _hashes(log)) is not None:
        yield hashes
    if nts and "NTS" not in log.features:
        yield _no_nts(log)


def _hashes(log: ConfigureLog) -> str | None:
    """Tell what keeps Nettle from making hashes and CMACs."""
    if log.hash_provider == "nettle":
        return _nettle(log)
    why = (
        "Nettle was not found: let PKG_CONFIG_PATH name the folder of its nettle.pc"
        if "nettle" in log.checks
        else "Nettle was not looked for: drop --without-nettle and --disable-sechash"
    )
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
    """Tell why there is no NTS: it takes TLS 1.3 of GnuTLS, and AES-SIV-CMAC of Nettle or GnuTLS."""
    # The second name is that of chrony 4.0 and 4.1; where both stand, it asks for hashes.
    tls = next((what for what in ("TLS1.3 in gnutls", "gnutls") if what in log.checks), None)
    if tls is None:
        return "NTS was switched off: drop --disable-nts, or choose build.nts = false"
    if not log.found(tls):
        remedy = "install libgnutls28-dev (gnutls-devel), or choose build.nts = false"
        return f"GnuTLS with TLS 1.3 was not found, so there is no NTS: {remedy}"
    return 'NTS needs AES-SIV-CMAC, which came with Nettle 3.6: choose release.nettle = "3.10.2", or build.nts = false'


def _libraries(log: ConfigureLog, *, seccomp: bool, readline: bool) -> Iterator[str]:
    """Tell which features besides cryptography are missing."""
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
    """Tell whether a reference clock with PPS would be refused; no flag among the features says so."""
    if pps and not log.found("PPSAPI"):
        cause = _cause(log, "<timepps.h>", "install pps-tools (pps-tools-devel)", "drop --disable-pps")
        yield f"{cause}; without it chronyd has no refclock PPS"


def _cause(log: ConfigureLog, what: str, if_missing: str, if_not_asked: str) -> str:
    """Tell a library that was not found from one that was not looked for."""
    if what in log.checks:
        return f"{what} was not found: {if_missing}"
    return f"{what} was not looked for: {if_not_asked}"
