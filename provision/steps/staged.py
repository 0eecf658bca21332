"""A generation lies complete in its folder; it got there only if the new chronyd accepts its chrony.conf."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from provision import remote
from provision.build_evidence import sections
from provision.generation import Generation
from provision.host import Host
from provision.keys.parts import Part, manifest, parse_digests, parts
from provision.recipe import ROOT
from provision.steps.file import unified_diff


@dataclass(frozen=True, slots=True)
class Staged:
    """A generation, complete and validated, not yet active."""

    generation: Generation

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return f"generation {self.generation.id} staged and valid"

    def look(self) -> str:
        """Print what the generation's folder holds, and chrony.conf and unit of the current one."""
        return remote.load("look_generation", self.generation.path, f"{ROOT}/current")

    def drift(self, seen: str) -> str | None:
        """Return what is missing or differs."""
        found = sections(seen)["generation"].splitlines()
        if found == ["missing"]:
            return "not there yet"
        wanted = (
            ("build", f"build ../../builds/{self.generation.recipe.name}"),
            *((name, f"{sha256(data).hexdigest()}  {name}") for name, data in self._files().items()),
            ("chrony.keys", f"chrony.keys 0640 root:{self.generation.user}"),
        )
        wrong = [name for name, line in wanted if line not in found]
        return f"differs: {' '.join(dict.fromkeys(wrong))}" if wrong else None

    def diff(self, seen: str) -> str:
        """Return how chrony.conf and the unit differ from the current ones; of the keys, nothing."""
        now = sections(seen)
        return "\n".join(
            text
            for text in (
                unified_diff("chrony.conf", now["chrony.conf"], self.generation.conf),
                unified_diff("chronyd.service", now["chronyd.service"], self.generation.unit),
            )
            if text
        )

    def apply(self, host: Host) -> None:
        """Upload what the host has not got, in one archive; unpack it, and let the new chronyd read its chrony.conf."""
        upload = host.new_path()
        host.upload(packed(self._new(host)), upload)
        generation = self.generation
        host.run(
            "checking chrony.conf with the new chronyd (the running daemon is untouched)",
            remote.load("stage", upload, generation.path, generation.recipe.prefix, generation.user),
        )

    def _files(self) -> dict[str, bytes]:
        generation = self.generation
        return {
            "chrony.conf": generation.conf.encode(),
            "chrony.keys": generation.keys.text.encode(),
            "chronyd.service": generation.unit.encode(),
        }

    def _new(self, host: Host) -> dict[str, bytes]:
        """Return the files; of a long chrony.keys, the parts that the current generation has not got."""
        files, wanted = self._files(), parts(self.generation.keys)
        there = parse_digests(host.ask(_ask_for(wanted))) if wanted else {}
        if not there:
            return files
        keys = files.pop("chrony.keys")
        lines, new = manifest(wanted, there)
        return {
            **files,
            "parts": lines.encode(),
            "parts.new": new.encode(),
            # In a file, not an argument: who knows it could try keys.
            "parts.sha256": f"{sha256(keys).hexdigest()}  chrony.keys\n".encode(),
        }


def _ask_for(wanted: Iterable[Part]) -> str:
    return remote.load("key_parts", f"{ROOT}/current/chrony.keys", *(str(part.first) for part in wanted))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of files."""
    archive = io.BytesIO()
    # Hex digits shrink to half of their size at the first level, and hardly further at the others.
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1, format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return archive.getvalue()
