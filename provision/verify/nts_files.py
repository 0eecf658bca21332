"""The certificate of a host's own files beside the one that chronyd serves: the output of ``nts_files.sh``, parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from provision.host.unconfirmed import named_values
from provision.verify.nts import UNTRUSTED

SECTION, SERVED = "nts files", "nts served"
"""The sections of the output; a generation that names no files of the host has none."""


class FilesState(StrEnum):
    """How the files of the host differ from what chronyd serves."""

    SAME = "same"
    OTHER = "other"
    MISSING = "missing"
    """The host lacks one of them."""
    STOPPED = "stopped"
    """chronyd does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsFiles:
    """The files of a certificate on a host."""

    certificate: str
    """The path of the certificate."""
    state: FilesState
    refused: str = ""
    """Why the host refused these files when it tried them; empty if it has not, or if they have changed since."""
    served: str = ""
    """The certificates that chronyd serves, in PEM; empty if they are not known."""


def parse_nts_files(said: Mapping[str, str]) -> NtsFiles | None:
    """Return the files; None if the generation of the host names none. Raises ValueError, KeyError."""
    if SECTION not in said:
        return None
    values = named_values(said[SECTION])
    return NtsFiles(
        certificate=values["certificate"],
        state=FilesState(values["state"]),
        refused=values.get("refused", "").rpartition(UNTRUSTED)[2].rstrip(". "),
        served=said.get(SERVED, ""),
    )
