"""Findings for a reader: their words, and one line for those of one check that differ only in the key."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from provision.common.results import Finding

OF_KEY = re.compile(r"key (?P<id>[0-9]+)(?P<place>( at .+)?)")
"""The subject of a finding about a key, with an address or without one."""
WORDS = {True: "ok", False: "FAILED", None: "not checked"}
"""Whether a finding holds → the word at the beginning of its line."""
MOST_IDS = 4
"""Of more keys, a line names the first two and the last."""
MOST_SEEN = 2
"""Different observations in one line."""


def folded(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings; those of one check with one verdict and reason are one line, if only the key differs.

    The observations of findings that hold may differ, as the offsets of answers do: the first ones are shown.
    """
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for number, finding in enumerate(findings):
        of_key = OF_KEY.fullmatch(finding.subject)
        if of_key is None:
            alike[(number,)] = [finding]
            continue
        # In a reason about one key, its id stands for itself.
        seen = re.sub(rf"\bkey {of_key['id']}\b", "key", finding.seen)
        if finding.holds:
            seen = ""
        alike.setdefault((finding.id, finding.holds, finding.vital, of_key["place"], seen), []).append(finding)
    return [_one(group) for group in alike.values()]


def _one(group: Sequence[Finding]) -> Finding:
    first = group[0]
    if len(group) == 1:
        return first
    ids = [found["id"] for finding in group if (found := OF_KEY.fullmatch(finding.subject))]
    of_key = OF_KEY.fullmatch(first.subject)
    assert of_key is not None  # only findings about keys are folded  # noqa: S101
    subject = f"keys {_listed(ids)}{of_key['place']}"
    seen = first.seen.replace(f"the key {of_key['id']} ", "the key of this id ")
    if first.holds:
        seen = _observations(group)
    return replace(first, subject=subject, seen=seen)


def _listed(ids: Sequence[str]) -> str:
    if len(ids) <= MOST_IDS:
        return ", ".join(ids)
    return f"{ids[0]}, {ids[1]}, … {ids[-1]} ({len(ids)} keys)"


def _observations(group: Iterable[Finding]) -> str:
    different = list(dict.fromkeys(finding.seen for finding in group))
    text = "; ".join(different[:MOST_SEEN])
    if len(different) > MOST_SEEN:
        text += "; …"
    return text
