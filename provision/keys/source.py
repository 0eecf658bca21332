"""Read the operator's keys from a file, or from a command that prints them, such as a secret manager's."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol

from provision.common.errors import SiteError
from provision.common.files import private
from provision.common.text import quoted
from provision.host.transport import local
from provision.keys import MIN_BYTES, TYPES, Keys, state
from provision.keys.lint import Problem, problems
from provision.keys.state import EMPTY, State

SECONDS = 60
"""Time limit of a command, in seconds; it may ask for a passphrase."""
MOST_CHARACTERS = 300
"""Of the last line of a command's standard error."""
KEY_LINE = re.compile(rf"(\d+\s+(?:{'|'.join(TYPES)})\s+)\S+")
KEY_WORD = re.compile(
    r"\b(?:HEX|ASCII):\S+|\b[0-9A-Fa-f]{20,}\b|(?=\S*[0-9])(?=\S*[A-Z])(?=\S*[a-z])[A-Za-z0-9+/]{16,}={0,2}"
)
"""A key as chrony.keys has it, hex digits, or base64."""


class KeySource(Protocol):
    """Provide keys. Two equal sources have the same keys; :class:`provision.keys.reader.KeyReader` reads each once."""

    @property
    def name(self) -> str:
        """Return the name of the source for messages."""

    def __hash__(self) -> int:
        """Hash the identity of the source."""

    def exists(self) -> bool:
        """Return whether there are keys, valid or not."""

    def text(self) -> str | None:
        """Return the text in chrony.keys format, or None if there is none yet. Raises SiteError."""

    def change(self, edit: Callable[[str | None], str], *, backup: bool = False) -> None:
        """Replace the text with the result of ``edit``, atomically and under a lock. Raises SiteError.

        With ``backup``, the text as it was is kept beside it.
        """

    def create(self, keys: Keys) -> None:
        """Store the first keys. Raises SiteError, also if there are keys already."""

    def refuse_unwritable(self) -> None:
        """Raise SiteError if keys cannot be stored; ``create`` and ``change`` may fail all the same."""

    def state(self) -> State:
        """Return the state of the keys. Raises SiteError."""

    def change_state(self, edit: Callable[[State], State]) -> None:
        """Replace the state with the result of ``edit``, atomically and under a lock. Raises SiteError."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Read and change a key file of the operator. Two paths that lead to the same file are equal sources."""

    path: Path = field(compare=False)
    _real: str = field(init=False, repr=False)
    """Where the path led when this was created."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_real", os.path.realpath(self.path))

    @property
    def name(self) -> str:
        """Return its path."""
        return str(self.path)

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.path.exists()

    def text(self) -> str | None:
        """Return its content. Raises SiteError if others can read the file."""
        data = private.read(self.path)
        if data is None:
            return None
        return decoded(data)

    def change(self, edit: Callable[[str | None], str], *, backup: bool = False) -> None:
        """Replace its content under a lock; create the file if it does not exist."""
        self.refuse_unwritable()
        with private.locked(self.path):
            text = self.text()
            # Before the backup: a change that is refused must leave it as it is.
            new = edit(text)
            if backup and text is not None and new != text:
                private.write(self.backup, _encoded(text), replace=True)
            private.write(self.path, _encoded(new), replace=text is not None)

    @property
    def backup(self) -> Path:
        """Return the path of the content before the last removal of keys."""
        file = Path(os.path.realpath(self.path))
        return file.with_name(f"{file.name}.bak")

    def create(self, keys: Keys) -> None:
        """Create the file."""
        private.write(self.path, _encoded(keys.text), replace=False)

    def refuse_unwritable(self) -> None:
        """Raise SiteError if its folder is not writable, or cannot be made."""
        private.refuse_unwritable(self.path)

    def state(self) -> State:
        """Return the state of the file."""
        return state.read(self.path)

    def change_state(self, edit: Callable[[State], State]) -> None:
        """Replace the state of the file."""
        state.change(self.path, edit)


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """Run a command on this machine that prints keys in the format of a key file."""

    line: str
    words: tuple[str, ...]
    folder: Path
    setting: str = "keys.command"
    """The key of the site file."""

    @property
    def name(self) -> str:
        """Return the key of the site file and the command."""
        return f"{self.setting} {quoted(self.line)}"

    @property
    def prints(self) -> str:
        """Return what the command has to print, in words."""
        if self.setting == "keys.command":
            return "keys in the format of chrony.keys"
        if self.setting == "serve.nts.shared_keys_command":
            return "keys in the format of ntskeys"
        return "a private key in PEM"

    def exists(self) -> bool:
        """Return true: a command always provides keys, or fails."""
        return True

    def text(self) -> str:
        """Run the command and return its output. Raises SiteError."""
        return _printed(self)

    def change(self, edit: Callable[[str | None], str], *, backup: bool = False) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: the keys must be changed at their source."""
        raise SiteError(f"the keys come from {self.name}: change them there, where it has them from")

    def create(self, keys: Keys) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: a command either has keys or fails."""
        self.change(str)

    def refuse_unwritable(self) -> NoReturn:
        """Refuse, as ``create`` and ``change`` do."""
        self.change(str)

    def state(self) -> State:
        """Return no state: keys.use of the site says with which key hosts ask."""
        return EMPTY

    def change_state(self, edit: Callable[[State], State]) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: there is no file beside which the state could be."""
        self.change(str)


@dataclass(frozen=True, slots=True)
class GivenKeys:
    """Hold keys that another machine sent with a job and that must not be stored here."""

    name: str
    _text: str | None = field(repr=False)

    def exists(self) -> bool:
        """Return whether there are keys."""
        return self._text is not None

    def text(self) -> str | None:
        """Return the text of the keys."""
        return self._text

    def change(self, edit: Callable[[str | None], str], *, backup: bool = False) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: the keys must be changed on the other machine."""
        raise SiteError(f"{self.name}: lies on another machine; change it there")

    def create(self, keys: Keys) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: a job that generates keys is never sent without some."""
        self.change(str)

    def refuse_unwritable(self) -> None:
        """Accept: the other machine stores the keys."""

    def state(self) -> State:
        """Return no state: the other machine has chosen the keys of each source."""
        return EMPTY

    def change_state(self, edit: Callable[[State], State]) -> NoReturn:  # noqa: ARG002 -- it always refuses
        """Refuse: the state is on the other machine."""
        self.change(str)


def _printed(command: KeyCommand) -> str:
    """Run a command. Its output is in no message: it may be a part of a key file."""
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
        raise SiteError(f"{command.name}: printed nothing; it has to print {command.prints}")
    return decoded(ran.stdout)


def _last_words(ran: local.Ran) -> str:
    """Return the last line of standard error, without control characters and without what may be a secret.

    That is each word of standard output, the third word of a line of a key file, and each word that looks like a key.
    """
    lines = [line.strip() for line in decoded(ran.stderr).splitlines() if line.strip()]
    if not lines:
        return "it said nothing on standard error"
    last = lines[-1][:MOST_CHARACTERS]
    for word in decoded(ran.stdout).split():
        if len(word) >= MIN_BYTES:
            last = last.replace(word.rpartition(":")[2] or word, "(not shown)")
    last = KEY_LINE.sub(r"\1(not shown)", last)
    last = KEY_WORD.sub("(not shown)", last)
    return "".join(character if character.isprintable() else "?" for character in last)


def lint(path: Path) -> tuple[str, list[Problem]]:
    """Return the text of a key file and all its faults, including its mode. Raises SiteError if it cannot be read."""
    found = private.read_with_mode(path)
    if found is None:
        raise SiteError(f"{path}: no such file")
    data, mode = found
    text = decoded(data)
    faults = list(problems(text))
    if why := private.exposed(mode, path):
        faults.insert(0, Problem(why))
    return text, faults


def decoded(data: bytes) -> str:
    """Return the text of a key file."""
    # Invalid bytes must not raise an error that contains them; the parser refuses them and names the line.
    return data.decode(errors="surrogateescape")


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
