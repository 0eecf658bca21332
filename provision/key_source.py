"""Where an operator's keys come from: a file, or a command that prints one, such as that of a secret manager."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import NoReturn, Protocol

from platformdirs import user_config_path

from provision import private
from provision.errors import SiteError
from provision.keys import MIN_BYTES, Keys, parse_keys
from provision.keys.lint import Problem, problems
from provision.site import Site
from provision.site.values import quoted
from provision.transport import local

SECONDS = 60
"""A command that asks somebody for a passphrase is given this long."""


class KeySource(Protocol):
    """Where keys come from; two that are equal are one and the same."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    def __hash__(self) -> int:
        """Hash by what it is."""

    def exists(self) -> bool:
        """Say whether there are keys, good or not."""

    def text(self) -> str | None:
        """Return the text in chrony.keys format; None: there is none yet. Raises SiteError."""

    def change(self, edit: Callable[[str | None], str]) -> None:
        """Put in place what is made of the text, whole or not at all, and nobody else meanwhile. Raises SiteError."""

    def create(self, keys: Keys) -> None:
        """Keep the first keys. Raises SiteError, also when there are keys by now."""


def source_of(site: Site) -> KeySource:
    """Return where the keys of a host come from."""
    if site.keys.command is not None:
        return KeyCommand(site.keys.command, site.keys.command.words, site.keys.command.folder)
    return KeyFile(site.keys.file or user_config_path("chrony-provision") / "chrony.keys")


def read_keys(source: KeySource) -> Keys | None:
    """Return the keys; None: there are none yet. Raises SiteError."""
    text = source.text()
    return None if text is None else _parsed(text, source.name)


@lru_cache(maxsize=8)
def _parsed(text: str, origin: str) -> Keys:
    # For each host of a run; and what is computed of keys, such as their slow digest, is computed once.
    return parse_keys(text, origin)


def forget() -> None:
    """Forget the keys that were parsed, where they were only on a visit."""
    _parsed.cache_clear()


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file of the operator's."""

    path: Path

    @property
    def name(self) -> str:
        """Return its path."""
        return str(self.path)

    def exists(self) -> bool:
        """Say whether it is there."""
        return self.path.exists()

    def text(self) -> str | None:
        """Return what is in it; others must not be able to read it."""
        data = private.read(self.path)
        return None if data is None else decoded(data)

    def change(self, edit: Callable[[str | None], str]) -> None:
        """Replace it, under a lock; it is made if there is none."""
        with private.locked(self.path):
            text = self.text()
            private.write(self.path, _encoded(edit(text)), replace=text is not None)

    def create(self, keys: Keys) -> None:
        """Make it."""
        private.write(self.path, _encoded(keys.text), replace=False)


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """A command of this machine, which prints what would stand in a file."""

    line: str
    words: tuple[str, ...]
    folder: Path

    @property
    def name(self) -> str:
        """Return where the site says it."""
        return f"keys.command {quoted(self.line)}"

    def exists(self) -> bool:
        """Say that there are keys."""
        return True

    def text(self) -> str:
        """Return what it printed; it runs once, however many hosts ask."""
        return _printed(self)

    def change(self, edit: Callable[[str | None], str]) -> NoReturn:  # noqa: ARG002 -- nothing is changed here
        """Refuse."""
        raise SiteError(f"the keys come from {self.name}: change them there, where it has them from")

    def create(self, keys: Keys) -> NoReturn:  # noqa: ARG002 -- nothing is kept here
        """Refuse; it has keys, or was refused."""
        self.change(str)


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Keys that came along with a job, from a machine that has them to one that must not keep them."""

    name: str
    _text: str | None = field(repr=False)

    def exists(self) -> bool:
        """Say whether some came along."""
        return self._text is not None

    def text(self) -> str | None:
        """Return what came along."""
        return self._text

    def change(self, edit: Callable[[str | None], str]) -> NoReturn:  # noqa: ARG002 -- nothing is changed here
        """Refuse."""
        raise SiteError(f"{self.name}: lies on another machine; change it there")

    def create(self, keys: Keys) -> NoReturn:  # noqa: ARG002 -- nothing is kept here
        """Refuse; without keys nothing is handed over that makes some."""
        self.change(str)


@cache
def _printed(command: KeyCommand) -> str:
    """Run a command. What it printed is in no message: it may be half a key file."""
    try:
        ran = local.run(command.words, folder=command.folder, seconds=SECONDS)
    except TimeoutError:
        raise SiteError(
            f"{command.name}: had not ended after {SECONDS} s; it has no input here: run it by hand"
        ) from None
    except OSError as error:
        raise SiteError(f"{command.name}: cannot run {command.words[0]}: {error.strerror}") from error
    if ran.status != 0:
        raise SiteError(f"{command.name}: exit status {ran.status}: {_last_words(ran)}")
    if not ran.stdout.strip():
        raise SiteError(f"{command.name}: printed nothing; it has to print keys in the format of chrony.keys")
    return decoded(ran.stdout)


def _last_words(ran: local.Ran) -> str:
    """Return the last line of standard error, on one line, and without what the command also printed as a key."""
    lines = [line.strip() for line in decoded(ran.stderr).splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing on standard error"
    for word in decoded(ran.stdout).split():
        if len(word) >= MIN_BYTES:
            last = last.replace(word.rpartition(":")[2] or word, "(not shown)")
    return "".join(character if character.isprintable() else "?" for character in last)


def lint(path: Path) -> list[Problem]:
    """Return all that is wrong with a key file, its mode too. Raises SiteError when it cannot be read."""
    found = private.read_with_mode(path)
    if found is None:
        raise SiteError(f"{path}: no such file")
    data, mode = found
    why = private.exposed(mode, path)
    return [*([Problem(why)] if why else []), *problems(decoded(data))]


def decoded(data: bytes) -> str:
    """Return the text of a key file."""
    # Bytes that are no text must not raise an error that carries them; they are refused with their line.
    return data.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
