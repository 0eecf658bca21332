"""Compare a new generation with what a host has now, in words for people: chrony.conf, keys, access, unit. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from provision.chrony.access_rules import AccessRules, widened
from provision.chrony.differences import difference, summary
from provision.chrony.statement import Statement, statements
from provision.common.errors import ParseError
from provision.common.results import Change, Sign
from provision.common.text import MINUS
from provision.deploy.generation import Generation
from provision.deploy.steps.file import unified_diff
from provision.host.paths import NTS_SHARED_KEYS
from provision.keys import Keys
from provision.keys.certificates import NO_CERTIFICATES, Certificates, served, subjects
from provision.keys.changes import key_difference
from provision.keys.ledger import ranges
from provision.keys.nts_keys import parse_server_keys
from provision.takeover.existing import ExistingService
from provision.takeover.statements import statements_of

CHANGED_LINE = re.compile(r"^[+-](?![+-])\s*(?P<name>[A-Za-z][A-Za-z0-9]*)", re.MULTILINE)
"""A line of a unified diff that adds or removes a directive of chrony.conf, or a setting of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a new generation replaces on a host."""

    conf: str = ""
    """The chrony.conf of the current generation; empty if there is none."""
    package: ExistingService | None = None
    """The chrony of a package, before the first generation."""
    unit: str = ""
    """The unit of the current generation or of the administrator, with the id of the new generation; may be empty."""
    socket: str = ""
    """The socket unit of the current generation; empty if it has none."""
    keys: Keys | None = field(default=None, repr=False)
    """The keys of the current generation."""
    has_unreadable_keys: bool = False
    certificates: Certificates = NO_CERTIFICATES
    """The certificates of the current generation, without a private key."""
    shared_key_names: tuple[str, ...] = ()
    """The ids of the keys of cookies of the current generation."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Return the statements of chrony.conf, with those of all files that the one of a package includes."""
        if self.package is not None:
            return statements_of(self.package)
        return tuple(statements(self.conf))


def generation_changes(before: Before, generation: Generation) -> tuple[Change, ...]:
    """Return what a new generation changes."""
    changes = [
        *_conf(before, generation.conf),
        *_keys(before, generation.keys),
        *_certificates(before, generation.certificates),
        *_shared_keys(before, generation.certificates),
        *_unit(before, generation),
    ]
    if not changes:
        # Its build, or the account of its daemon, is another one.
        changes = [Change(id="generation", sign=Sign.NEW, subject="generation", minor=True)]
    return tuple(changes)


def changed_names(diff: str) -> str:
    """Return the names of the directives or settings that a diff adds or removes; of other lines, that they differ."""
    if not diff:
        return ""
    return ", ".join(dict.fromkeys(CHANGED_LINE.findall(diff))) or "comments"


def _conf(before: Before, new: str) -> Iterator[Change]:
    old, after = before.statements, tuple(statements(new))
    if not old:
        yield Change(id="chrony-conf", sign=Sign.NEW, subject="chrony.conf", text=summary(after))
    elif words := difference(old, after) or _without_effect(before.conf, new, old, after):
        yield Change(id="chrony-conf", sign=Sign.CHANGED, subject="chrony.conf", text=words)
    yield from _access(old, after)


def _without_effect(old: str, new: str, before: Sequence[Statement], after: Sequence[Statement]) -> str:
    """Return how two texts differ that mean the same; empty if they are equal, or if another change says more."""
    words_before, words_after = [one.words for one in before], [one.words for one in after]
    if words_before == words_after and old.strip("\n") != new.strip("\n"):
        return "comments and blanks"
    if words_before != words_after and sorted(words_before) == sorted(words_after):
        return "order of lines"
    return ""


def _access(before: Sequence[Statement], after: Sequence[Statement]) -> Iterator[Change]:
    new = _rules(after)
    if new is None:
        return
    now = new.in_words()
    if not before:
        if new.rules:
            yield Change(id="access", sign=Sign.NEW, subject="access", text=now)
        return
    old = _rules(before)
    if old is None:
        yield Change(id="access", sign=Sign.CHANGED, subject="access", text=f"rules that cannot be read → {now}")
        return
    wider, narrower = widened(old, new), widened(new, old)
    if not wider and not narrower:
        return
    ways = [word for word, networks in (("wider", wider), ("narrower", narrower)) if networks]
    text = f"{old.in_words()} → {now} ({' and '.join(ways)})"
    yield Change(id="access", sign=Sign.CHANGED, subject="access", text=text)


def _rules(conf: Sequence[Statement]) -> AccessRules | None:
    """Return the access rules of a configuration; none without an NTP port; None if chronyd would refuse a line."""
    if any(one.name == "port" and one.arguments == ("0",) for one in conf):
        return AccessRules(())
    try:
        return AccessRules.of(conf)
    except ParseError:
        return None


def _keys(before: Before, wanted: Keys) -> Iterator[Change]:
    if before.has_unreadable_keys:
        text = "those on the host cannot be read and are replaced"
        yield Change(id="keys", sign=Sign.WARNING, subject="keys", text=text)
        return
    if before.package is not None:
        yield from _keys_of_package(before.package, wanted)
        return
    different = key_difference(before.keys, wanted)
    if before.keys is None and different.added:
        yield Change(id="keys", sign=Sign.NEW, subject="keys", text=ranges(wanted.ids))
    elif different.in_ids:
        yield Change(id="keys", sign=Sign.CHANGED, subject="keys", text=different.in_ids)


def _certificates(before: Before, wanted: Certificates) -> Iterator[Change]:
    """Yield the certificates that change; of the server's, its names and its end."""
    if wanted.chain and wanted.chain != before.certificates.chain:
        sign = Sign.CHANGED if before.certificates.chain else Sign.NEW
        new = served(wanted.chain)
        text = f"of {new.name}, until {new.end:%Y-%m-%d}"
        yield Change(id="certificate", sign=sign, subject="certificate", text=text)
    if wanted.trusted and wanted.trusted != before.certificates.trusted:
        sign = Sign.CHANGED if before.certificates.trusted else Sign.NEW
        yield Change(
            id="trusted-certificates", sign=sign, subject="trusted certificates", text=subjects(wanted.trusted)
        )


def _shared_keys(before: Before, wanted: Certificates) -> Iterator[Change]:
    """Yield the ids of the keys of cookies that come and go."""
    if not wanted.shared_keys:
        return
    keys = parse_server_keys(wanted.shared_keys, NTS_SHARED_KEYS).keys
    new = [key.name for key in keys if key.name not in before.shared_key_names]
    gone = [name for name in before.shared_key_names if name not in {key.name for key in keys}]
    text = "   ".join([f"+ {name}" for name in new] + [f"{MINUS} {name}" for name in gone])
    if text:
        sign = Sign.CHANGED if before.shared_key_names else Sign.NEW
        yield Change(id="nts-shared-keys", sign=sign, subject="NTS shared keys", text=text)


def _keys_of_package(package: ExistingService, wanted: Keys) -> Iterator[Change]:
    """Yield the ids that a package's key file and the wanted keys do not share; its secrets are not read here."""
    there = {key.id for key in package.listed_keys}
    signs = (("+", set(wanted.ids) - there), (MINUS, there - set(wanted.ids)))
    text = "   ".join(f"{sign} {ranges(sorted(ids))}" for sign, ids in signs if ids)
    if text and there:
        yield Change(id="keys", sign=Sign.CHANGED, subject="keys", text=text)
    elif text:
        yield Change(id="keys", sign=Sign.NEW, subject="keys", text=ranges(wanted.ids))


def _unit(before: Before, generation: Generation) -> Iterator[Change]:
    if not before.unit:
        yield Change(id="unit", sign=Sign.NEW, subject="chronyd.service", minor=True)
    elif names := changed_names(unified_diff("chronyd.service", before.unit, generation.unit)):
        yield Change(id="unit", sign=Sign.CHANGED, subject="unit", text=f"chronyd.service: {names}")
    if names := changed_names(unified_diff("chronyd.socket", before.socket, generation.socket)):
        sign, is_first = Sign.CHANGED, not before.unit
        if not before.socket:
            sign = Sign.NEW
        yield Change(id="socket", sign=sign, subject="socket", text=f"chronyd.socket: {names}", minor=is_first)
