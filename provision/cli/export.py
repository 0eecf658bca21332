"""Write exported keys to a file, to a folder with a file for each key, or to standard output."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.cli.options import ExportOptions
from provision.cli.values import exists, new_file
from provision.common.errors import UsageError
from provision.common.files import private
from provision.keys import Keys, state
from provision.keys.export import FORMATS
from provision.keys.export.format import Format, Servers
from provision.keys.ledger import in_words
from provision.keys.source import KeyFile, KeySource

STANDARD_OUTPUT = "-"


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


def _refuse_own(flag: str, files: Iterable[Path], source: KeySource) -> None:
    """Raise UsageError for a file of the operator's keys: an export over it would lose keys, or a rotation."""
    if not isinstance(source, KeyFile):
        return
    own = {
        os.path.realpath(source.path): "the key file of the site",
        os.path.realpath(state.place(source.path)): "the state of the key file",
        os.path.realpath(source.backup): "the backup of the key file",
    }
    what = "file"
    if flag == "--to-folder":
        what = "folder"
    for file in files:
        if (name := own.get(os.path.realpath(file))) is not None:
            raise UsageError(f"{flag}: {file} is {name}; name another {what}")


def _refuse_existing(flag: str, files: list[Path], *, force: bool) -> None:
    for file in files:
        if file.exists() and not force:
            raise UsageError(f"{flag}: {file} is there already; say --force to replace it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Hold the keys to export, their source, the servers of their client and its format."""

    keys: Keys
    source: KeySource
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
        _refuse_own("--to", [file], self.source)
        text = self._format.keys(self.keys, self.servers)
        private.write(file, text.encode(), replace=self.force)
        print(f"{in_words(self.keys.ids)} written to {file} ({self.format}); who can read it has the keys")
        print(self._configuration(self.keys), end="", flush=True)

    def _write_folder(self, folder: Path) -> None:
        """Write all files, or none if a key is refused or one of them exists."""
        texts = self._files()
        _refuse_own("--to-folder", [folder / name for name in texts], self.source)
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
