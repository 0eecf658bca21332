"""Judge the rules of a benchmark by the findings about a host, and by the chrony.conf that the findings confirm. Pure.

The first of these that applies is the outcome: the purpose of the host excludes the rule (cannot hold); a finding or a
line contradicts it (does not hold); a part of it could not be checked, or this tool does not look at it (not checked);
otherwise it holds.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from provision.chrony.statement import Statement, statements
from provision.common.results import Finding
from provision.output.report import Report

CONF_RESTS_ON = ("site.active", "site.staged", "site.daemon-unaltered")
"""The findings by which the chrony.conf of the site is the one that chronyd runs with."""
WANTED_CONF = "wanted-chrony.conf"
"""The answer with the chrony.conf of the site (provision.deploy.raw_answers)."""
SOURCES = ("server", "pool", "peer")
DEFAULT_MAXPOLL = 10
"""chrony.conf(5), ``maxpoll``: as a power of two, in seconds."""

ANY = "any"
ROLES = ("server", "client", ANY)
"""The keys of ``cannot_hold``: the role of a host by its site, or any."""

Text = Annotated[str, Meta(min_length=1)]


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A benchmark for one platform."""

    title: Text
    version: Text
    read: Text
    """The text from which the ids were taken: repository, file and commit, or an address."""
    rebuilds: str = ""
    """What to say about a host whose distribution is derived from this platform; empty: it is not judged by it."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule, which several benchmarks may have, and the conditions of its judgement; all of them have to hold."""

    title: Text
    """In own words, not those of the benchmark."""
    ids: Annotated[dict[str, Text], Meta(min_length=1)]
    """The id of the rule in each benchmark, by the platform of the benchmark."""
    findings: tuple[Text, ...] = ()
    """The ids of checks whose findings have to hold, docs/checks.md."""
    directives: tuple[Text, ...] = ()
    """Lines that have to stand in chrony.conf."""
    sources: tuple[Text, ...] = ()
    """One of these directives has to name a source."""
    maxpoll: Annotated[int, Meta(ge=-7, le=24)] | None = None
    """The highest ``maxpoll`` that a source may have, as a power of two, in seconds."""
    cannot_hold: dict[str, Text] = {}
    """The reason why the rule cannot hold on a host of a role."""
    not_judged: str = ""
    """The part of the rule that this tool does not look at."""
    note: str = ""

    @property
    def is_judged(self) -> bool:
        """Return whether the rule names any condition or reason."""
        return bool(self.findings or self.directives or self.sources or self.cannot_hold or self.not_judged) or (
            self.maxpoll is not None
        )

    def faults(self) -> Iterator[str]:
        """Yield the contradictions in the rule itself."""
        for line in self.directives:
            if not line.split():
                yield "a line of directives is blank"
        for source in self.sources:
            if source not in SOURCES:
                yield f"sources: {source!r} is none of {', '.join(SOURCES)}"
        for role in self.cannot_hold.keys() - set(ROLES):
            yield f"cannot_hold.{role} is none of {', '.join(ROLES)}"
        if not self.is_judged:
            yield "names neither findings nor a reason why it is not judged"


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of a file of rules."""

    title: Text
    documents: dict[str, Document]
    """Benchmarks by platform: the first parts of a host's platform, such as ``debian-12``."""
    rules: tuple[Rule, ...]

    def faults(self) -> Iterator[str]:
        """Yield the contradictions in the set."""
        if not self.rules:
            yield "names no rule"
        uses = Counter(use for rule in self.rules for use in rule.ids.items())
        yield from (f"{n} rules have the id {id_!r} in documents.{name}" for (name, id_), n in uses.items() if n > 1)
        for rule in self.rules:
            for platform in rule.ids:
                if platform not in self.documents:
                    yield f"rule {rule.title!r}: there is no documents.{platform}"
            yield from (f"rule {rule.title!r}: {fault}" for fault in rule.faults())

    def platform(self, report: Report) -> str:
        """Return the platform whose benchmark is for a host, such as ``debian-12``; empty if none is."""
        for name in self.documents:
            if _is_of(report.platform, name):
                return name
        return self._origin(report)

    def is_rebuild(self, report: Report) -> bool:
        """Return whether a host is judged by the benchmark for a platform from which its distribution is derived."""
        platform = self.platform(report)
        return bool(platform) and not _is_of(report.platform, platform)

    def _origin(self, report: Report) -> str:
        """Return the platform from which the host's one is derived, if its benchmark is used for such hosts."""
        _, _, release = report.platform.partition("-")
        for origin in report.os_like:
            for name, document in self.documents.items():
                if document.rebuilds and _is_of(f"{origin}-{release}", name):
                    return name
        return ""


def _is_of(platform: str, name: str) -> bool:
    """Return whether a platform, such as ``debian-12-x86_64``, is the one with this name, such as ``debian-12``."""
    return f"{platform}-".startswith(f"{name}-")


class Judgement(StrEnum):
    """The outcome of a rule on a host."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_CHECKED = "not checked"
    CANNOT_HOLD = "cannot hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule as it was judged on a host."""

    id: str
    title: str
    outcome: Judgement
    why: tuple[str, ...]
    """The observations that decide, or the reasons."""
    seen: tuple[str, ...]
    """Everything that was observed for the rule."""
    note: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """One observation, and whether the condition holds by it; None: not checked."""

    holds: bool | None
    words: str


def judge_all(rules: RuleSet, report: Report) -> tuple[Judged, ...]:
    """Return each rule for the platform of a host, judged."""
    platform = rules.platform(report)
    return tuple(judge(rule, rule.ids[platform], report) for rule in rules.rules if platform in rule.ids)


def judge(rule: Rule, id_: str, report: Report) -> Judged:
    """Judge a rule by the report on a host."""
    seen = tuple(_seen(rule, report))
    outcome, why = _outcome(rule, report, seen)
    words = tuple(one.words for one in seen)
    return Judged(id=id_, title=rule.title, outcome=outcome, why=why, seen=words, note=rule.note)


def _outcome(rule: Rule, report: Report, seen: Sequence[_Seen]) -> tuple[Judgement, tuple[str, ...]]:
    if reason := rule.cannot_hold.get(ANY) or rule.cannot_hold.get(report.role):
        return Judgement.CANNOT_HOLD, (reason,)
    failed = tuple(one.words for one in seen if one.holds is False)
    if failed:
        return Judgement.DOES_NOT_HOLD, failed
    unknown = tuple(one.words for one in seen if one.holds is None)
    if rule.not_judged:
        unknown = (*unknown, rule.not_judged)
    if unknown or not seen:
        return Judgement.NOT_CHECKED, unknown or ("nothing was observed for it",)
    return Judgement.HOLDS, tuple(one.words for one in seen)


def _seen(rule: Rule, report: Report) -> Iterator[_Seen]:
    """Yield the observation for each condition of a rule."""
    for check in rule.findings:
        yield from _of_check(check, report)
    if not (rule.directives or rule.sources or rule.maxpoll is not None):
        return
    unconfirmed = [one for check in CONF_RESTS_ON for one in _of_check(check, report) if one.holds is not True]
    conf = report.answers.get(WANTED_CONF)
    if unconfirmed or conf is None:
        yield _Seen(None, "the chrony.conf that chronyd runs with is not known to be that of the site")
        return
    lines = list(statements(conf))
    yield from (_directive(wanted, lines) for wanted in rule.directives)
    yield from _sources(rule, lines)


def _of_check(check: str, report: Report) -> Iterator[_Seen]:
    """Yield the findings of a check; one that is not checked if the report has none of them."""
    found = [finding for finding in report.findings if finding.id == check]
    yield from (_Seen(finding.holds, _words(finding)) for finding in found)
    if not found:
        yield _Seen(None, f"{check}: no finding ({report.error or 'the check is not made on this host'})")


def _words(finding: Finding) -> str:
    word = {True: "holds", False: "does not hold", None: "not checked"}[finding.holds]
    return f"{finding.id}: {word}: {finding} ({finding.seen})"


def _directive(wanted: str, lines: Sequence[Statement]) -> _Seen:
    """Return whether a line stands in chrony.conf; otherwise the lines of the same directive."""
    name, *arguments = wanted.split()
    same = [line for line in lines if line.name == name]
    if any(list(line.arguments) == arguments for line in same):
        return _Seen(holds=True, words=f"chrony.conf: {wanted}")
    instead = ", ".join(line.text for line in same) or f"no {name}"
    return _Seen(holds=False, words=f"chrony.conf: {instead}, not {wanted}")


def _sources(rule: Rule, lines: Sequence[Statement]) -> Iterator[_Seen]:
    """Yield whether a source is named, and how often each source is asked."""
    named = [line for line in lines if line.name in SOURCES]
    if rule.sources:
        wanted = [line.text for line in named if line.name in rule.sources]
        words = f"chrony.conf: {', '.join(wanted) or 'no ' + ' or '.join(rule.sources)}"
        yield _Seen(bool(wanted), words)
    if rule.maxpoll is None:
        return
    for line in named:
        yield _maxpoll(line, rule.maxpoll)


def _maxpoll(line: Statement, most: int) -> _Seen:
    """Return whether a source is asked often enough."""
    options = [word.lower() for word in line.arguments[1:]]
    source = f"chrony.conf: {line.name} {line.arguments[0]}"
    if "maxpoll" not in options[:-1]:
        return _Seen(most >= DEFAULT_MAXPOLL, f"{source}: no maxpoll, which is {DEFAULT_MAXPOLL} then")
    value = options[options.index("maxpoll") + 1]
    return _Seen(int(value) <= most, f"{source}: maxpoll {value}, at most {most}")
