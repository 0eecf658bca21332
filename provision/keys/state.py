"""Keep what a key file cannot say: the key with which hosts ask each other, and a rotation that is under way.

The state of ``chrony.keys`` is ``chrony.keys.state`` beside it, so that an editor of the key file cannot lose it. It
names keys by id and fingerprint, never by a secret. Each use compares it with the key file: a state that does not fit
is an error, because hosts would turn to the key of a device without a word. A missing state is the state of a file
whose keys were never rotated: hosts then use the first AES key.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace as replaced
from datetime import date
from pathlib import Path
from typing import Literal

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from provision.common.errors import SiteError
from provision.common.files import private
from provision.keys import Key, Keys

VERSION = 1
UNKNOWN = "unknown"
"""The fingerprint of a key that has none, such as a password."""

Stage = Literal["adding", "replacing", "removing"]
"""How far a rotation is. ``adding``: the new key may not be in the file yet, so no host has it. ``replacing``: the new
key is in the file. ``removing``: every host uses the new key, and the old one may be gone from the file."""


class Named(Struct, frozen=True, forbid_unknown_fields=True):
    """Name a key without its secret."""

    id: int
    fingerprint: str

    @classmethod
    def of(cls, key: Key) -> "Named":
        """Return the name of a key."""
        return cls(key.id, key.fingerprint or UNKNOWN)


class Replacement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Describe a rotation that is under way."""

    new: Named
    old: Named
    begun: date
    stage: Stage


class State(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Hold the state of a key file. It can be hashed."""

    version: int = VERSION
    hosts: Named | None = None
    """The key with which hosts ask each other since the last rotation."""
    rotation: Replacement | None = None


EMPTY = State()


class _Version(Struct):
    version: int


def place(key_file: Path) -> Path:
    """Return the path of the state of a key file; a symbolic link has the state of the file to which it leads."""
    # Unlike Path.resolve(), it raises no RuntimeError for a link that leads to itself.
    file = Path(os.path.realpath(key_file))
    return file.with_name(f"{file.name}.state")


def read(key_file: Path) -> State:
    """Return the state of a key file, or an empty one if there is none. Raises SiteError."""
    path = place(key_file)
    data = private.read(path)
    if data is None:
        return EMPTY
    try:
        version = json.decode(data, type=_Version).version
        if version != VERSION:
            raise SiteError(
                f"{path}: is of version {version}; this release reads version {VERSION}: use a newer release"
            )
        return json.decode(data, type=State)
    except (DecodeError, ValidationError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: not the state of a key file ({error}); {_remedy(path)}") from error


def change(key_file: Path, edit: Callable[[State], State]) -> None:
    """Replace the state of a key file with the result of ``edit``, atomically and under a lock. Raises SiteError."""
    path = place(key_file)
    private.refuse_unwritable(key_file)
    with private.locked(path):
        before = read(key_file)
        after = edit(before)
        if after != before:
            private.write(path, json.format(json.encode(after)) + b"\n", replace=True)


def is_in(named: Named, keys: Iterable[Key]) -> bool:
    """Return whether this key is among ``keys``; another key with its id is not. A password is known by its id only."""
    return any(key.id == named.id and Named.of(key) == named for key in keys)


def fitted(state: State, keys: Keys, origin: str) -> State:
    """Return the state as it holds for the keys of its file: without a rotation that never got into the file.

    ``origin`` is the path of the key file. Raises SiteError if the state names a key that is not in the file.
    """
    path = place(Path(origin))
    rotation = state.rotation
    if rotation is not None and not is_in(rotation.new, keys):
        if rotation.stage != "adding":
            raise SiteError(
                f"{origin}: {path} says that key {rotation.new.id} is to replace key {rotation.old.id}, but key "
                f"{rotation.new.id} is not in the file, or has another secret: put it back; {_remedy(path)}"
            )
        rotation = None
    if rotation is None and state.hosts is not None and not is_in(state.hosts, keys):
        raise SiteError(
            f"{origin}: {path} says that hosts ask each other with key {state.hosts.id}, but it is not in the file, "
            f"or has another secret: put it back; {_remedy(path)}"
        )
    return replace(state, rotation=rotation)


def marked(keys: Keys, state: State, origin: str) -> Keys:
    """Return the keys with what their state says of them. Raises SiteError if it does not fit them."""
    fit = fitted(state, keys, origin)
    if fit.rotation is not None:
        leaving: frozenset[int] = frozenset()
        if is_in(fit.rotation.old, keys):
            leaving = frozenset({fit.rotation.old.id})
        return replaced(keys, for_hosts=frozenset({fit.rotation.new.id}), leaving=leaving)
    if fit.hosts is not None:
        return replaced(keys, for_hosts=frozenset({fit.hosts.id}))
    return keys


def _remedy(path: Path) -> str:
    return f"or remove {path.name}, and hosts use the first AES key of the file, or keys.use of the site"
