"""Write exported keys to a file, to a folder with a file for each key, or to standard output."""

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from provision.cli.key_options import ExportOptions
from provision.cli.values import exists, new_file
from provision.common.errors import UsageError
from provision.common.files import private
from provision.keys import Keys, state
from provision.keys.export import FORMATS
from provision.keys.export.format import Format, Servers
from provision.keys.ledger import in_words
from provision.keys.source import KeyFile
from provision.site.inventory import Inventory
from provision.site.key_source import source_of

STANDARD_OUTPUT = "-"
FIRST_LINE = 200
"""Bytes of a file that are read to recognise a private key."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Name the place of an export: a file, or a folder for a file of each key; neither is standard output."""

    file: Path | None = None
    folder: Path | None = None


def destination(options: ExportOptions) -> Destination:
    """Return the place that the options name. Raises UsageError, also if it can be seen that it cannot be written."""
    if bool(options.to) == (options.to_folder is not None):
        raise UsageError(
            "say where the keys go: --to FILE, --to - for standard output, or --to-folder FOLDER for a file of each key"
        )
    if options.to == STANDARD_OUTPUT:
        if sys.__stdout__ is None:
            raise UsageError("--to -: standard output is closed; name a file")
        return Destination()
    if options.to:
        file = new_file("--to", options.to)
        if file.exists() and not file.is_file():
            raise UsageError(f"--to {file}: not a regular file; standard output is --to -")
        _refuse_existing("--to", [file], force=options.force)
        return Destination(file=file)
    folder = options.to_folder
    if folder is not None and exists(folder, f"--to-folder {folder}: cannot be used") and not folder.is_dir():
        raise UsageError(f"--to-folder {folder}: cannot be used: Not a directory")
    return Destination(folder=folder)


def own_files(inventory: Inventory) -> Mapping[str, str]:
    """Return what each file of the site is, by its real path; an export over one would lose keys, or a rotation."""
    own = {os.path.realpath(inventory.file): "the site file"}
    for site in (inventory.defaults, *(member.site for member in inventory.members)):
        source = source_of(site)
        if isinstance(source, KeyFile):
            own[os.path.realpath(source.path)] = "a key file of the site"
            own[os.path.realpath(state.place(source.path))] = "the state of a key file"
            own[os.path.realpath(source.backup)] = "the backup of a key file"
    return own


def _has_private_key(file: Path) -> bool:
    """Return whether a file begins as a private key of SSH or TLS does; a key that is lost can lock its owner out."""
    with suppress(OSError), file.open("rb") as stream:
        first = stream.readline(FIRST_LINE)
        return b"PRIVATE KEY-----" in first or first.startswith(b"PuTTY-User-Key-File")
    return False


def _refuse_existing(flag: str, files: list[Path], *, force: bool) -> None:
    for file in files:
        if file.exists() and not force:
            raise UsageError(f"{flag}: {file} is there already; say --force to replace it, or another name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Hold the keys to export, the files to spare, the servers of their client and its format."""

    keys: Keys
    own: Mapping[str, str]
    """See own_files."""
    servers: Servers
    format: str
    force: bool

    def write(self, place: Destination) -> None:
        """Write the keys, and print the client's configuration. Raises ProvisionError."""
        if place.folder is not None:
            self._write_folder(place.folder)
        elif place.file is not None:
            self._write_file(place.file)
        else:
            self._write_output()

    def _write_output(self) -> None:
        print(self._format.keys(self.keys, self.servers), end="", flush=True)
        # The output is the client's file; its configuration is another one.
        print(self._configuration(self.keys), end="", file=sys.stderr, flush=True)

    def _write_file(self, file: Path) -> None:
        self._refuse_own("--to", [file])
        text = self._format.keys(self.keys, self.servers)
        private.write(file, text.encode(), replace=self.force)
        print(f"{in_words(self.keys.ids)} written to {file} ({self.format}); who can read it has the keys")
        print(self._configuration(self.keys), end="", flush=True)

    def _write_folder(self, folder: Path) -> None:
        """Write all files, or none if a key is refused or one of them exists."""
        texts = self._files()
        self._refuse_own("--to-folder", [folder / name for name in texts])
        _refuse_existing("--to-folder", [folder / name for name in texts], force=self.force)
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--to-folder {folder}: cannot be made: {error.strerror}") from error
        for name, text in texts.items():
            private.write(folder / name, text.encode(), replace=self.force)
        first = next(iter(texts))
        print(
            f"{in_words(self.keys.ids)} written to {folder} ({self.format}), a file for each, such as {first}; "
            "who can read such a file has its key",
            flush=True,
        )

    def _refuse_own(self, flag: str, files: Iterable[Path]) -> None:
        """Raise UsageError for a file that --force must not replace either."""
        for file in files:
            name = self.own.get(os.path.realpath(file))
            if name is None and _has_private_key(file):
                name = "a private key"
            if name is not None:
                raise UsageError(f"{flag}: {file} is {name}, which is never replaced; say another name")

    def _files(self) -> Mapping[str, str]:
        """Return the text of each file by its name."""
        texts: dict[str, str] = {}
        for key in self.keys:
            one = Keys((key,))
            name = f"key-{key.id}"
            texts[f"{name}{self._format.suffix}"] = self._format.keys(one, self.servers)
            if configuration := self._configuration(one):
                texts[f"{name}.conf"] = configuration
        return texts

    def _configuration(self, keys: Keys) -> str:
        if self._format.configuration is None:
            return ""
        return self._format.configuration(keys, self.servers)

    @property
    def _format(self) -> Format:
        return FORMATS[self.format]
