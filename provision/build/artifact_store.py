"""Store artifacts on the control machine.

The store is not trusted: an artifact is used only if its digest is the recorded one, and only on hosts on which its
programs then pass their tests.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from provision.build.artifact import MOST_BYTES, Artifact, Compilation, differing, noted, noted_compilation
from provision.build.recipe import Recipe
from provision.common.errors import BuildsDiffer, ParseError, StoreError, remedied
from provision.common.files.account import cache_folder
from provision.common.files.lock import locked
from provision.common.files.regular import read_regular
from provision.common.text import discard

ARCHIVE, NOTE, SBOM = "build.tar.gz", "artifact.json", "sbom.cdx.json"


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Store artifacts in a folder of this machine, each in a subfolder named after its recipe.

    Concurrent runs may use it: an artifact appears atomically, and a damaged one is replaced.
    """

    folder: Path

    @classmethod
    def default(cls) -> "Artifacts":
        """Return the user's own store."""
        return cls(cache_folder() / "artifacts")

    def names(self) -> tuple[str, ...]:
        """Return the names of all builds with an artifact, valid or not."""
        return tuple(sorted(note.parent.name for note in self.folder.glob(f"[!.]*/{NOTE}")))

    def sbom(self, name: str) -> str:
        """Return the bill of materials of an artifact, or an empty string."""
        try:
            return (self.folder / name / SBOM).read_text()
        except OSError:
            return ""

    def find(self, name: str, say: Callable[[str], None], *, checked: bool = False) -> Artifact | None:
        """Return the artifact of a recipe, or None if it is missing or damaged. Raises StoreError.

        With ``checked``, only an artifact that passed chrony's own unit tests is returned.
        """
        place = self.folder / name
        try:
            artifact = noted(name, read_regular(place / NOTE, MOST_BYTES), read_regular(place / ARCHIVE, MOST_BYTES))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot read {place}: {remedied(error, 'remove it')}") from error
        except ParseError as error:
            say(f"{error}, and is not used")
            return None
        if checked and not artifact.checked:
            return None
        return artifact

    def last_compilation(self, recipe: Recipe) -> Compilation | None:
        """Return the newest compilation of the same releases on the same platform; None if none is recorded."""
        with suppress(OSError):
            # Another run may remove an artifact meanwhile.
            notes = sorted(self.folder.glob(f"[!.]*/{NOTE}"), key=lambda note: note.stat().st_mtime_ns, reverse=True)
            for note in notes:
                compilation = noted_compilation(read_regular(note, MOST_BYTES))
                if compilation is not None and compilation.is_like(recipe):
                    return compilation
        return None

    def all(self) -> Iterator[tuple[Artifact, str]]:
        """Yield each intact artifact and its bill of materials. Raises StoreError."""
        for place in sorted(self.folder.iterdir()):
            if place.is_dir() and (artifact := self.find(place.name, discard)) is not None:
                yield artifact, (place / SBOM).read_text()

    def keep(self, artifact: Artifact, sbom: str = "", *, confirm: int = 1) -> Artifact:
        """Store an artifact with its bill of materials; return it with all its builders.

        A stored artifact with the same content adds its builders. One with other content is replaced. If more than one
        builder must ``confirm`` it, it stays, and BuildsDiffer is raised. Raises StoreError.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with locked(self.folder / ".writing.lock"):
                kept = artifact
                before = self.find(artifact.name, discard)
                if before is not None:
                    kept = self._merged(before, artifact, confirm)
                self._put(self.folder / artifact.name, kept, sbom)
        except OSError as error:
            raise StoreError(
                f"cannot write {self.folder / artifact.name}: {error.strerror}; make room, or give the right to write"
            ) from error
        return kept

    def _merged(self, before: Artifact, new: Artifact, confirm: int) -> Artifact:
        """Return the new artifact with the builders of a stored one with the same content. Raises BuildsDiffer."""
        if before.content == new.content:
            builders = tuple(sorted({*before.builders, *new.builders}))
            return replace(new, checked=new.checked or before.checked, builders=builders)
        if confirm == 1:
            return new
        second = self.folder / f".other-{new.name}"
        self._put(second, new, "")
        ours = " and ".join(new.builders)
        theirs = " and ".join(before.builders)
        raise BuildsDiffer(
            f"{new.name}: {ours} and {theirs} built different bytes: {', '.join(differing(before, new))}; "
            f"their compilers differ, or one of them is not to be trusted: compare {second} with "
            f"{self.folder / new.name}, and remove the folder of the bad one"
        )

    def _put(self, place: Path, artifact: Artifact, sbom: str) -> None:
        """Replace the content of a folder with an artifact, atomically for readers."""
        room = Path(mkdtemp(prefix=".new-", dir=self.folder))
        try:
            new = room / "new"
            new.mkdir()
            (new / ARCHIVE).write_bytes(artifact.archive)
            (new / NOTE).write_text(f"{artifact.note}\n")
            (new / SBOM).write_text(sbom)
            if place.exists():
                place.rename(room / "old")
            new.rename(place)
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def drop(self, name: str) -> None:
        """Remove an artifact that failed a check; the next build stores another one."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    @contextmanager
    def building(
        self, name: str, say: Callable[[str], None], check: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Hold the lock for building a recipe on this machine; wait for another run that holds it.

        ``check`` is called repeatedly while waiting; its exceptions end the wait.
        """
        told = False

        def waiting() -> None:
            nonlocal told
            if not told:
                say("another run builds it; waiting for its artifact")
            told = True
            check()

        with ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.folder / f"{name}.lock", waiting))
            except OSError as error:
                raise StoreError(f"cannot write {self.folder}: {error.strerror}; give the right to write") from error
            yield
