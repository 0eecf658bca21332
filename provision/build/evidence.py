"""Parse the output of a build's programs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provision.chrony.chronyc.version import parse_version
from provision.common.errors import ParseError

SECTION = "==> "
KEYGEN_MUST_WORK = ("AES128", "AES256")
NO_CIPHER = "AES999"


def sections(text: str) -> Mapping[str, str]:
    """Split the output of one of our scripts at its "==> name" lines."""
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
    """Hold the output of ``verify_build.sh``."""

    chronyd: str
    chronyc: str
    missing_libraries: tuple[str, ...]
    keygen: Mapping[str, str]
    """The output of ``chronyc keygen`` for each cipher, without the key itself."""

    @property
    def programs(self) -> Mapping[str, str]:
        """Return the output of ``--version`` of each program, by its name."""
        return {"chronyd": self.chronyd, "chronyc": self.chronyc}

    def is_release(self, program: str, version: str) -> bool:
        """Return whether a program starts, is of this chrony release and has SECHASH."""
        try:
            parsed = parse_version(self.programs[program])
        except ParseError:
            return False
        return parsed.program == program and parsed.version == version and "SECHASH" in parsed.features

    @property
    def makes_aes_keys(self) -> bool:
        """Return whether ``chronyc keygen`` makes AES keys, which only a CMAC build can, and no others of that name."""
        refused = self.keygen[NO_CIPHER].startswith("Unknown hash function or cipher")
        return refused and all(self.keygen[cipher].startswith(f"1 {cipher} HEX:") for cipher in KEYGEN_MUST_WORK)

    @property
    def keygen_output(self) -> str:
        """Return the output of ``chronyc keygen`` for each cipher, on one line."""
        return "; ".join(self.keygen[cipher] for cipher in (*KEYGEN_MUST_WORK, NO_CIPHER))

    def faults(self, version: str) -> Iterator[str]:
        """Yield in words why the build cannot be used as chrony ``version``."""
        for program, printed in self.programs.items():
            if not self.is_release(program, version):
                yield f"{program} is not {version} with SECHASH ({' '.join(printed.split()) or 'it printed nothing'})"
        if self.missing_libraries:
            yield f"libraries are missing ({', '.join(self.missing_libraries)})"
        if not self.makes_aes_keys:
            yield f"chronyc does not make AES128 and AES256 keys alone ({self.keygen_output})"


def _missing(listed: str) -> tuple[str, ...]:
    """Return the lines of ldd about libraries that are missing; an ldd that lists none has told nothing."""
    if "=>" not in listed:
        return ("ldd listed no library",)
    return tuple(line.strip() for line in listed.splitlines() if "not found" in line)


def parse_build(text: str) -> BuildEvidence:
    """Parse the output of ``verify_build.sh``. Raises ParseError."""
    parts = sections(text)
    if "end" not in parts:
        raise ParseError("the output about the build is incomplete")
    try:
        return BuildEvidence(
            chronyd=parts["chronyd"],
            chronyc=parts["chronyc"],
            missing_libraries=_missing(parts["ldd"]),
            keygen={cipher: parts[f"keygen {cipher}"] for cipher in (*KEYGEN_MUST_WORK, NO_CIPHER)},
        )
    except KeyError as error:
        raise ParseError(f"the output about the build has no section {error.args[0]}") from error
