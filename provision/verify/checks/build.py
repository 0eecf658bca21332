"""Check a build by the log of its configure and by the output of its programs."""

from collections.abc import Iterator

from provision.build.evidence import BuildEvidence
from provision.chrony.configure_log import ConfigureLog
from provision.common.results import Finding
from provision.verify.checks.check import Check

CONFIGURE = Check("build.configure", "configure found Nettle with CMAC")
VERSION = Check("build.version", "the program is of the deployed release and has SECHASH")
LIBRARIES = Check("build.libraries", "every library of the build is present")
UNIT_TESTS = Check("build.unit-tests", "chrony's own unit tests passed")
KEYGEN = Check("build.keygen", "chronyc makes AES128 and AES256 keys and refuses an unknown cipher")


def build_findings(build: BuildEvidence, log: ConfigureLog, version: str) -> Iterator[Finding]:
    """Judge a build of chrony ``version``."""
    has_nettle = log.found("nettle")
    has_cmac = log.found("CMAC in nettle")
    has_sechash = "SECHASH" in log.features
    features = "-SECHASH"
    if has_sechash:
        features = "+SECHASH"
    yield CONFIGURE.finding(
        holds=has_nettle and has_cmac and has_sechash,
        seen=f"nettle: {_yes(has_nettle)}, CMAC in nettle: {_yes(has_cmac)}, {features}",
    )
    for program, printed in build.programs.items():
        seen = " ".join(printed.split()) or "it printed nothing"
        holds = build.is_release(program, version)
        if not holds:
            seen = f"{seen}, not {version} with SECHASH"
        yield VERSION.finding(holds=holds, seen=seen, subject=program)
    missing = ", ".join(build.missing_libraries)
    yield LIBRARIES.finding(holds=not missing, seen=missing or "ldd found all")
    yield KEYGEN.finding(holds=build.makes_aes_keys, seen=build.keygen_output)


def unit_tests_finding(*, passed: bool) -> Finding:
    """Return whether chrony's unit tests are known to have passed for a build; a failure of theirs ends a build."""
    if passed:
        return UNIT_TESTS.finding(holds=True, seen="after this build was made")
    return UNIT_TESTS.not_checked(
        "they run after a build, and this one existed already; build where there is none, such as --host sandbox:NEW"
    )


def _yes(found: bool) -> str:  # noqa: FBT001 -- the one thing that it says
    if found:
        return "Yes"
    return "No"
