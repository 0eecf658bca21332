"""Define the step that uploads a generation, and validates its chrony.conf with the new chronyd."""

import gzip
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import ClassVar

from provision.build.evidence import sections
from provision.build.integrity import REHEARSED, differences, generation_entries, parse_tree
from provision.common.errors import SiteError
from provision.common.files.tar import tar_of
from provision.common.results import Change, Sign
from provision.deploy.generation import Generation
from provision.deploy.keys_on_host import KeysOnHost, asked_once
from provision.deploy.steps import StepDefaults
from provision.deploy.steps.file import unified_diff
from provision.host import scripts
from provision.host.host import Host
from provision.host.paths import NTS_CHAIN, NTS_SHARED_KEYS, ROOT, TRUSTED, UNIT_PATH
from provision.keys.certificates import Certificates, plain
from provision.keys.parts import Part, manifest, parse_digests, parts
from provision.takeover.existing import ExistingService
from provision.takeover.read_host import parse_existing

MISSING = "not uploaded yet"
GENERATION_LINE = re.compile(r"(?m)(?<=^Environment=)CHRONY_GENERATION=\S*$")


@dataclass(frozen=True, slots=True)
class Staged(StepDefaults):
    """A generation is uploaded and validated, but not yet active."""

    id: ClassVar[str] = "staged"
    changes_host: ClassVar[bool] = True

    generation: Generation
    keys_there: KeysOnHost = field(default_factory=asked_once, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return f"generation {self.generation.id} uploaded and validated"

    def look(self) -> str:
        """Print the content of the generation's folder, and the chrony.conf and the unit that it would replace."""
        return scripts.load("look_generation", self.generation.path, f"{ROOT}/current", UNIT_PATH)

    def drift(self, seen: str) -> str | None:
        """Return the missing and the differing files."""
        found = sections(seen)["generation"]
        if found == "missing":
            return MISSING
        generation = self.generation
        wanted = generation_entries(
            generation.path, build=generation.recipe.name, user=generation.user, files=generation.files
        )
        return differences(wanted, parse_tree(found), base=generation.path, optional=(REHEARSED,))

    def explain(self, host: Host, drift: str) -> str:
        """Return the drift and, for a new generation, which keys differ from the current ones, by their ids."""
        if drift != MISSING:
            return drift
        from provision.keys.changes import key_changes  # noqa: PLC0415 -- only a change needs it

        try:
            changes = key_changes(self.keys_there(host), self.generation.keys)
        except SiteError:
            changes = "the keys on the host cannot be read and are replaced"
        if not changes:
            return drift
        return f"{drift}: {changes}"

    def diff(self, seen: str) -> str:
        """Return the differences of chrony.conf and of the unit from the present ones, but not those of the keys.

        The line with the id of the generation, which always differs, is left out.
        """
        now = sections(seen)
        conf = unified_diff("chrony.conf", now["chrony.conf"], self.generation.conf)
        new = self.generation.unit
        unit = unified_diff("chronyd.service", self._unit_now(now), new)
        socket = unified_diff("chronyd.socket", now.get("chronyd.socket", ""), self.generation.socket)
        return "\n".join(text for text in (conf, unit, socket) if text)

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:
        """Return what is different from the current generation, or from the configuration that a package left."""
        now = sections(seen)
        if now["generation"] != "missing":
            # It was uploaded before: altered files are replaced, by the same ones.
            return (Change(id="generation", sign=Sign.CHANGED, subject="generation", text=drift),)
        from provision.deploy.generation_changes import Before, generation_changes  # noqa: PLC0415 -- only a change needs it

        before = Before(
            conf=now["chrony.conf"],
            unit=self._unit_now(now),
            socket=now.get("chronyd.socket", ""),
            package=_package(now),
            certificates=_certificates(now),
            shared_key_names=tuple(now.get(NTS_SHARED_KEYS, "").split()),
        )
        try:
            before = replace(before, keys=self.keys_there(host))
        except SiteError:
            before = replace(before, has_unreadable_keys=True)
        return generation_changes(before, self.generation)

    def apply(self, host: Host) -> None:
        """Upload the missing files in one archive, unpack it, and check chrony.conf with the new chronyd."""
        upload = host.new_path()
        host.upload(packed(self._new(host)), upload)
        generation = self.generation
        host.run(
            "checking chrony.conf with the new chronyd (the running daemon is untouched)",
            scripts.load("stage", upload, generation.path, generation.recipe.prefix, generation.user),
        )

    def _unit_now(self, now: Mapping[str, str]) -> str:
        """Return the present unit, with the id of the wanted generation in place of its own."""
        return GENERATION_LINE.sub(f"CHRONY_GENERATION={self.generation.id}", now["chronyd.service"])

    def _new(self, host: Host) -> dict[str, bytes]:
        """Return the files; of a long chrony.keys, only the parts that the current generation does not have."""
        files = dict(self.generation.files)
        wanted = parts(self.generation.keys)
        if not wanted:
            return files
        there = parse_digests(host.ask(_ask_for(wanted)))
        if not there:
            return files
        keys = files.pop("chrony.keys")
        lines, new = manifest(wanted, there)
        return {
            **files,
            "parts": lines.encode(),
            "parts.new": new.encode(),
            # In a file, not an argument, for the digest makes it possible to test guessed keys.
            "parts.sha256": f"{sha256(keys).hexdigest()}  chrony.keys\n".encode(),
        }


def _certificates(now: Mapping[str, str]) -> Certificates:
    """Return the certificates of the current generation, without a private key."""
    chain, trusted = (plain(now[name]) if now.get(name) else "" for name in (NTS_CHAIN, TRUSTED))
    return Certificates(chain=chain, trusted=trusted)


def _package(now: Mapping[str, str]) -> ExistingService | None:
    """Return the chrony of a package, as far as its files tell; None without one, and after the first deployment."""
    said = now.get("configuration of a package", "")
    if not said:
        return None
    (service,) = parse_existing(said)
    return service


def _ask_for(wanted: Iterable[Part]) -> str:
    return scripts.load("print_key_parts", f"{ROOT}/current/chrony.keys", *(str(part.first) for part in wanted))


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return a compressed archive of files."""
    # Level 1 halves hexadecimal keys, and higher levels gain little.
    return gzip.compress(tar_of(files, mode=0o600), compresslevel=1, mtime=0)
