"""What the binaries of a build say of themselves, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass

from provision.chronyc import parse_version
from provision.errors import ParseError
from provision.findings import Finding

SECTION = "==> "
KEYGEN_MUST_WORK = ("AES128", "AES256")
NO_CIPHER = "AES999"


def sections(text: str) -> Mapping[str, str]:
    """Split the output of a script of ours at its "==> name" lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(SECTION):
            lines = found.setdefault(line.removeprefix(SECTION), [])
        else:
            lines.append(line)
    return {name: "\n".join(body) for name, body in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEvidence:
    """What ``remote/verify_build.sh`` saw."""

    chronyd: str
    chronyc: str
    missing_libraries: tuple[str, ...]
    keygen: Mapping[str, str]
    """Cipher → what ``chronyc keygen`` printed, the key itself left out."""

    def findings(self, version: str) -> tuple[Finding, ...]:
        """Judge: version and features, libraries, and keys that only a CMAC build can make."""
        return (
            *(_version_finding(said, version) for said in (self.chronyd, self.chronyc)),
            Finding(
                "every library of the build is there",
                not self.missing_libraries,
                ", ".join(self.missing_libraries) or "ldd found all",
            ),
            Finding(
                "chronyc makes AES128 and AES256 keys, and no others of that name",
                all(self.keygen[cipher].startswith(f"1 {cipher} HEX:") for cipher in KEYGEN_MUST_WORK)
                and self.keygen[NO_CIPHER].startswith("Unknown hash function or cipher"),
                "; ".join(self.keygen[cipher] for cipher in (*KEYGEN_MUST_WORK, NO_CIPHER)),
            ),
        )


def _version_finding(said: str, version: str) -> Finding:
    try:
        parsed = parse_version(said)
    except ParseError:
        return Finding(
            f"a program of chrony {version} starts", holds=False, seen=" ".join(said.split()) or "it printed nothing"
        )
    holds = parsed.version == version and "SECHASH" in parsed.features
    return Finding(f"{parsed.program} is {version} with SECHASH", holds, said)


def parse_build(text: str) -> BuildEvidence:
    """Parse what ``remote/verify_build.sh`` printed. Raises ParseError."""
    said = sections(text)
    if "end" not in said:
        raise ParseError("the build was not looked at to the end")
    try:
        return BuildEvidence(
            chronyd=said["chronyd"],
            chronyc=said["chronyc"],
            missing_libraries=tuple(line.strip() for line in said["ldd"].splitlines() if "not found" in line),
            keygen={cipher: said[f"keygen {cipher}"] for cipher in (*KEYGEN_MUST_WORK, NO_CIPHER)},
        )
    except KeyError as error:
        raise ParseError(f"the build was not asked about {error.args[0]}") from error
