"""Collect the raw answers on which the findings about a host rest, by the name of the question and without secrets."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict

from provision.build.evidence import SECTION, sections
from provision.deploy.proof import Proof
from provision.output.audit.rules import WANTED_CONF

REQUESTS_ON_THE_HOST = "requests-on-the-host"
REQUESTS_FROM_HERE = "requests-from-here"
MARKS = frozenset({"end", "finished"})
"""Sections without content, which say that the output is complete."""
_KEY_DIGEST = re.compile(r"[0-9a-f]{64}(?=  \S*/chrony\.keys(?:\s|$))")


def raw_answers(proof: Proof, wanted_conf: str, hide: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield question and answer; ``hide`` removes the known secrets from a text.

    The digest of a key file is removed, too: it is fast to compute, so that a weak password among the keys could be
    guessed from it.
    """
    for question, answer in _answers(proof, wanted_conf):
        yield question, _KEY_DIGEST.sub("(hidden)", hide(answer))


def _answers(proof: Proof, wanted_conf: str) -> Iterator[tuple[str, str]]:
    yield WANTED_CONF, wanted_conf
    for look, answer in proof.answers.items():
        yield f"site.{look}", answer
    yield from _sections(proof.evidence)
    if proof.probes:
        yield REQUESTS_FROM_HERE, json.dumps([asdict(probe) for probe in proof.probes], indent=2)


def _sections(evidence: str) -> Iterator[tuple[str, str]]:
    """Yield the sections; those about requests, of which there are several, as one answer."""
    requests = []
    for name, text in sections(evidence).items():
        if name.startswith(("ask ", "nts ")):
            requests.append(f"{SECTION}{name}\n{text}")
        elif name not in MARKS:
            yield name, text
    if requests:
        yield REQUESTS_ON_THE_HOST, "\n".join(requests)
