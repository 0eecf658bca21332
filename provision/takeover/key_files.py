"""Read the keys of a time service: chrony.keys, and the key files of ntpd and NTPsec.

No message contains a part of a line, because it may be a secret.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provision.common.errors import SiteError
from provision.common.results import Fate, Remark
from provision.keys import AES_BYTES, COMMENT, MAX_LINE, Key, Keys, key_id, keys_by_line, name_in_chrony
from provision.keys.source import KEY_LINE, KEY_WORD
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.ntp_conf.lines import lines_of, trusted
from provision.takeover.statements import statements_of

_LONGEST_TEXT = 20
"""A longer key of ntpd is hex digits (libntp/authreadkeys.c)."""
_MARKS = "".join(COMMENT) + " \t"
_SECRET = re.compile(rf"{KEY_LINE.pattern}|{KEY_WORD.pattern}")
"""The line of a key, or a word that looks like a secret."""


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """Hold the keys of a host."""

    keys: tuple[Key, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """About lines that are not carried."""
    comments: Mapping[int, Sequence[str]] = field(default_factory=dict, repr=False)
    """The lines of the comment above each key, by its id; they may tell a secret, and are for the key file alone."""

    @property
    def ids(self) -> tuple[int, ...]:
        """Return the ids of the keys, in order."""
        return tuple(sorted(key.id for key in self.keys))


def keys_of(service: ExistingService) -> FoundKeys:
    """Return the keys of a service, and which lines are not carried and why. Raises SiteError, as ``_single``."""
    if service.program is Program.CHRONY:
        found = _collected(_chrony_keys(service.key_files), Program.CHRONY.value)
        return replace(found, comments=_comments(service.key_files, COMMENT))
    if service.program in {Program.NTPD, Program.NTPSEC}:
        ids = trusted(lines_of(service))
        found = _collected(_ntpd_keys(service.key_files, ids), service.program.value)
        return replace(found, comments=_comments(service.key_files, ("#",)))
    return FoundKeys()


def with_key_file_in_force(service: ExistingService) -> ExistingService:
    """Return the service with the key file that it uses: that of the last line, in the order of reading."""
    name, lines = "keyfile", statements_of(service)
    if service.program in {Program.NTPD, Program.NTPSEC}:
        name, lines = "keys", lines_of(service)
    named = [" ".join(line.arguments).replace('"', "") for line in lines if line.name == name]
    found = {file.path for file in service.key_files} | set(service.unread)
    if not named or named[-1] not in found:
        return service
    key_files = tuple(file for file in service.key_files if file.path == named[-1])
    unread = tuple(path for path in service.unread if path == named[-1] or path not in named)
    return replace(service, key_files=key_files, unread=unread)


def merged(by_host: Mapping[str, FoundKeys]) -> Keys:
    """Return the keys of all hosts. Raises SiteError if an id stands for different keys on two hosts."""
    found: dict[int, tuple[str, Key]] = {}
    for host, keys in by_host.items():
        for key in keys.keys:
            other, first = found.setdefault(key.id, (host, key))
            if key != first:
                raise SiteError(
                    f"key {key.id} of {host} is not key {key.id} of {other}: give one of the two another id on its "
                    "host and its clients, or import each host into a folder of its own with --to"
                )
    return Keys(tuple(key for _, (_, key) in sorted(found.items())))


def _collected(lines: Iterable[tuple[str, Key | Remark]], program: str) -> FoundKeys:
    keys: dict[int, tuple[str, Key]] = {}
    remarks = []
    for place, key in lines:
        if isinstance(key, Remark):
            remarks.append(key)
            continue
        other, first = keys.setdefault(key.id, (place, key))
        if key != first:
            raise SiteError(
                f"{place}: key {key.id} is another key on {other}, and {program} uses either of them: remove the one "
                "that its clients do not have, and import again"
            )
    return FoundKeys(tuple(key for _, key in keys.values()), tuple(remarks))


def _comments(files: Iterable[ConfigFile], marks: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return the lines of the comment above each key, by its id; ``marks`` begin a comment.

    It begins below the nearest other key, commented-out key, blank line or empty comment, which separates paragraphs.
    """
    found: dict[int, tuple[str, ...]] = {}
    for file in files:
        above: list[str] = []
        for line in map(str.strip, file.text.split("\n")):
            if not line.startswith(marks):
                if line and above:
                    found.setdefault(key_id(line.split()[0]), tuple(above))
                above = []
            elif _is_plain(line) and _is_separator(line):
                above = []
            elif _is_plain(line):
                above.append(line)
    return found


def _is_separator(comment: str) -> bool:
    """Return whether a comment is empty, or may be a key that somebody has commented out: its secret may be in use."""
    words = comment.strip(_MARKS).split()
    if not words:
        return True
    return (words[0].isdecimal() and len(words) > 1) or _SECRET.search(comment) is not None


def _is_plain(text: str) -> bool:
    """Return whether a comment can stand in a key file: chronyd would read the rest of a long one as another line."""
    return text.isprintable() and len(text.encode()) < MAX_LINE


def _left_out(file: ConfigFile, number: int, id_: str, why: str) -> tuple[str, Remark]:
    place = f"{file.path}:{number}"
    name = f"key {id_}" if id_ else "a key"
    return place, Remark(fate=Fate.LOST, place=place, line=name, why=why)


def _chrony_keys(files: Iterable[ConfigFile]) -> Iterator[tuple[str, Key | Remark]]:
    for file in files:
        for number, key in keys_by_line(file.text):
            if isinstance(key, Key):
                yield f"{file.path}:{number}", key
            else:
                yield _left_out(file, number, "", f"chronyd does not use it as it looks: {key}")


def _ntpd_keys(files: Iterable[ConfigFile], ids: frozenset[int]) -> Iterator[tuple[str, Key | Remark]]:
    for file in files:
        for number, text in enumerate(file.text.split("\n"), start=1):
            words = text.partition("#")[0].split()
            if len(words) < 3:
                continue
            id_ = key_id(words[0])
            if id_ not in ids:
                yield _left_out(file, number, str(id_ or ""), "no trustedkey names it, so ntpd does not use it")
                continue
            try:
                yield f"{file.path}:{number}", _ntpd_key(id_, words[1], words[2])
            except SiteError as error:
                yield _left_out(file, number, str(id_), str(error))


def _ntpd_key(id_: int, type_: str, word: str) -> Key:
    """Return a key as ntpd reads it. Raises SiteError."""
    name = name_in_chrony(type_)
    if name is None:
        raise SiteError("chrony built with Nettle has no such type of key")
    if len(word) <= _LONGEST_TEXT:
        secret = word.encode()
    else:
        secret = _from_hex(word)
    length = AES_BYTES.get(name)
    if length is not None:
        # ntpd fills up a key of a cipher with zeros, and uses no more bytes than the cipher has.
        secret = secret[:length].ljust(length, b"\0")
    return Key(id_, name, secret)


def _from_hex(word: str) -> bytes:
    try:
        return bytes.fromhex(word)
    except ValueError:
        raise SiteError("is longer than 20 characters, and no pairs of hex digits") from None
