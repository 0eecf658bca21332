"""What configure printed in real builds, and what we make of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.chrony.configure_log import ConfigureLog, parse_configure_log, refusals
from provision.common.errors import ParseError

CASES = Path(__file__).parents[2] / "cases" / "configure"
TRUTH = json.loads((CASES / "truth.json").read_text())


def text_of(name: str) -> str:
    return (CASES / f"{name}.log").read_text()


def log_of(name: str) -> ConfigureLog:
    return parse_configure_log(text_of(name))


FINISHED = [name for name, truth in TRUTH.items() if truth["exit"] == 0]


@pytest.mark.parametrize("name", FINISHED)
def test_a_finished_configure_is_understood(name: str) -> None:
    log, truth = log_of(name), TRUTH[name]
    seen = {
        "cmac": log.found("CMAC in nettle"),
        "nts": "NTS" in log.features,
        "sechash": "SECHASH" in log.features,
        # The truth was read from `chronyd -v`, and READLINE is chronyc's.
        "features": log.features - {"READLINE"},
    }
    features = frozenset(token[1:] for token in truth["features"].split() if token[0] == "+")
    assert seen == {**{what: truth[what] for what in ("cmac", "nts", "sechash")}, "features": features}


PROVIDERS = {
    "chrony-4.0.configure.default-nettle3.8.1": "nettle",  # and "gnutls : Yes" for NTS
    "chrony-4.0.configure.without-nettle": "NSS",  # the same
    "chrony-4.3.configure.tomcrypt-only": "tomcrypt",
    "chrony-4.6.1.configure.disable-sechash": None,
    "chrony-4.6.1.configure.nss-only": "NSS",
    "chrony-4.9.configure.no-pkgconfig-default": "tomcrypt",
    "chrony-4.9.configure.default-nettle3.8.1": "nettle",
    "chroot-minimal-nopkgconfig-chrony-4.9.configure": None,
    "chroot-nettle-usrlocal-debian12-chrony-4.9.configure": None,
}


@pytest.mark.parametrize(("name", "provider"), PROVIDERS.items())
def test_the_library_that_hashes_is_known(name: str, provider: str | None) -> None:
    assert log_of(name).hash_provider == provider


def test_gnutls_hashes_where_configure_asked_it_for_a_cmac() -> None:
    checks = {"nettle": False, "gnutls": True, "CMAC in gnutls": True}
    assert ConfigureLog(checks=checks, features=frozenset({"SECHASH"})).hash_provider == "gnutls"


def test_the_ntp_era_is_read() -> None:
    assert log_of("chrony-4.9.configure.default-nettle3.8.1").era == "1976-12-04T18:33:25Z"


def test_a_configure_that_stopped_gives_its_own_reason() -> None:
    with pytest.raises(ParseError, match=r"^chrony's configure stopped: C compiler /nonexistent-cc cannot create exec"):
        log_of("chrony-4.3.configure.no-compiler")


def test_a_configure_that_was_cut_off_stopped_early() -> None:
    text = text_of("chrony-4.9.configure.default-nettle3.8.1")
    with pytest.raises(ParseError, match="stopped early"):
        parse_configure_log(text[: text.index("Features")])


NOT_LOOKED_FOR = "seccomp was not looked for: add --enable-scfilter"
NO_PKG_CONFIG = "pkg-config was not found, so configure looked for neither Nettle nor GnuTLS: install pkg-config"

REFUSED = [
    pytest.param("chrony-4.9.configure.enable-scfilter", [], id="as wanted"),
    pytest.param("chrony-4.9.configure.without-seccomp", [NOT_LOOKED_FOR], id="seccomp not asked for"),
    pytest.param(
        "chrony-4.6.1.configure.unrecognized-option",
        [
            "configure does not know '--with-nettle=/opt/nettle': misspelt, or not an option",
            "configure does not know '--enable-shared'",
            "configure does not know '--libdir=/usr/lib64'",
            NOT_LOOKED_FOR,
        ],
        id="unrecognized options",
    ),
    pytest.param("chrony-4.9.configure.no-pkgconfig-default", [NO_PKG_CONFIG, NOT_LOOKED_FOR], id="pkg-config missing"),
    pytest.param(
        "chroot-minimal-nopkgconfig-chrony-4.9.configure",
        [
            NO_PKG_CONFIG,
            "libcap was not found: install libcap-dev (libcap-devel); without it chronyd cannot give up root (-PR",
            NOT_LOOKED_FOR,
            "editline was not found: install libedit-dev (libedit-devel), or choose build.readline = false",
        ],
        id="nothing but a compiler",
    ),
    pytest.param(
        "chroot-nettle-usrlocal-debian12-chrony-4.9.configure",
        [
            "Nettle was not found: let PKG_CONFIG_PATH name the folder of its nettle.pc (-SECHASH: this build knows",
            "GnuTLS with TLS 1.3 was not found, so there is no NTS: install libgnutls28-dev",
            "libcap was not found",
            NOT_LOOKED_FOR,
            "editline was not found",
        ],
        id="Nettle where pkg-config does not look",
    ),
    pytest.param(
        "chrony-4.9.configure.nettle3.4.1-nocmac",
        [
            'Nettle is older than 3.5 and has no CMAC, so there are no AES keys: choose release.nettle = "3.10.2"',
            "NTS was switched off: drop --disable-nts, or choose build.nts = false",
            NOT_LOOKED_FOR,
        ],
        id="Nettle without CMAC",
    ),
    pytest.param(
        "chrony-4.0.configure.without-nettle",
        [
            "Nettle was not looked for: drop --without-nettle and --disable-sechash (chrony would hash with NSS in its",
            NOT_LOOKED_FOR,
        ],
        id="NSS in place of Nettle",
    ),
    pytest.param(
        "chrony-4.3.configure.tomcrypt-only",
        ["Nettle was not looked for", "NTS was switched off", NOT_LOOKED_FOR],
        id="LibTomCrypt in place of Nettle",
    ),
    pytest.param(
        "chrony-4.6.1.configure.disable-sechash",
        ["Nettle was not looked for", NOT_LOOKED_FOR],
        id="hashes switched off",
    ),
    pytest.param(
        "chrony-4.3.configure.without-libcap",
        ["libcap was not looked for: drop --without-libcap; without it chronyd", NOT_LOOKED_FOR],
        id="libcap switched off",
    ),
]


@pytest.mark.parametrize(("name", "beginnings"), REFUSED)
def test_a_degraded_build_is_refused_with_cause_and_remedy(name: str, beginnings: list[str]) -> None:
    said = refusals(log_of(name), nts=True, seccomp=True, readline=True, pps=False, signd=False)
    assert [words[: len(beginning)] for words, beginning in zip(said, beginnings, strict=True)] == beginnings
    assert all("\n" not in words for words in said)


def test_what_the_site_does_not_want_is_not_missed() -> None:
    log = log_of("chrony-4.9.configure.default-nettle3.8.1")
    wanted = ConfigureLog(checks=log.checks, features=log.features - {"NTS", "READLINE"})
    assert refusals(wanted, nts=False, seccomp=False, readline=False, pps=False, signd=False) == ()


def test_a_reference_clock_with_pps_needs_its_header() -> None:
    found = log_of("chrony-4.9.configure.default-nettle3.8.1")
    missing = ConfigureLog(checks={**found.checks, "PPSAPI": False, "<timepps.h>": False}, features=found.features)
    never = ConfigureLog(
        checks={what: yes for what, yes in found.checks.items() if "pps" not in what.lower()}, features=found.features
    )
    without = "without it chronyd has no refclock PPS"
    for log, said in (
        (found, ()),
        (missing, (f"<timepps.h> was not found: install pps-tools (pps-tools-devel); {without}",)),
        (never, (f"<timepps.h> was not looked for: drop --disable-pps; {without}",)),
    ):
        assert refusals(log, nts=False, seccomp=False, readline=False, pps=True, signd=False) == said


def test_signed_answers_need_their_option() -> None:
    found = log_of("chrony-4.9.configure.default-nettle3.8.1")
    (said,) = refusals(found, nts=False, seccomp=False, readline=False, pps=False, signd=True)
    assert (
        said == "MS-SNTP was not asked for: add --enable-ntp-signd; without it chronyd ignores ntpsigndsocket (-SIGND)"
    )
    signing = ConfigureLog(checks=found.checks, features=found.features | {"SIGND"})
    assert refusals(signing, nts=False, seccomp=False, readline=False, pps=False, signd=True) == ()


MADE_UP = [
    pytest.param(
        {"nettle": True, "CMAC in nettle": True}, "NTS IPV6 PRIVDROP", "are switched off (-SECHASH)", id="-SECHASH"
    ),
    pytest.param({"TLS1.3 in gnutls": True}, "SECHASH IPV6 PRIVDROP", "NTS needs AES-SIV-CMAC", id="no AES-SIV-CMAC"),
    pytest.param({"gnutls": True}, "SECHASH IPV6 PRIVDROP", "NTS needs AES-SIV-CMAC", id="the same before chrony 4.2"),
    pytest.param({"IPv6 support": False}, "SECHASH NTS PRIVDROP", "IPv6 support was not found: install", id="no IPv6"),
]


@pytest.mark.parametrize(("checks", "features", "words"), MADE_UP)
def test_rarer_faults_have_their_line_too(checks: dict[str, bool], features: str, words: str) -> None:
    log = ConfigureLog(checks={"pkg-config": True, **checks}, features=frozenset(features.split()))
    assert any(words in said for said in refusals(log, nts=True, seccomp=False, readline=False, pps=False, signd=False))


LINES = st.sampled_from([line for name in FINISHED for line in text_of(name).splitlines()])


@given(st.one_of(st.text(), st.lists(st.one_of(LINES, st.text())).map("\n".join)))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    try:
        log = parse_configure_log(text)
    except ParseError as error:
        assert "\n" not in str(error)
        return
    assert all(
        "\n" not in words for words in refusals(log, nts=True, seccomp=True, readline=True, pps=True, signd=False)
    )
