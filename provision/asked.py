"""What became of the requests that ``remote/asking.sh`` sent to a chronyd, and what follows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provision.findings import Finding

ANSWERED = "System clock wrong by"
"""What ``chronyd -Q`` prints when an answer, with a valid MAC where a key was asked for, synchronised it."""
REQUEST = "ask "


@dataclass(frozen=True, slots=True)
class Asked:
    """Requests that chronyd, as a client, sent to a daemon."""

    said: Mapping[str, str]
    """"plain", "key 1", "other-secret 1", "unknown id" → the last thing that the client said."""
    left_out: int = 0
    """Keys that were not tried: of many, a sample speaks for all."""

    def answered(self, request: str) -> bool:
        """Say whether a request was answered."""
        return ANSWERED in self.said.get(request, "")

    def findings(self, where: str) -> Iterator[Finding]:
        """Judge: the daemon answers everybody, those with a key by a valid MAC, and nobody whose key is wrong."""
        yield Finding(f"{where}: a plain request is answered", self.answered("plain"), self._last("plain"))
        for name in self.said:
            if name.startswith("key "):
                yield Finding(f"{where}: with {name}, the MAC is valid", self.answered(name), self._last(name))
        silent = [name for name in self.said if name.startswith("other-secret ") or name == "unknown id"]
        wrong = [name for name in silent if self.answered(name)]
        seen = f"answered: {', '.join(wrong)}" if wrong else f"no answer to {len(silent)} such requests"
        yield Finding(f"{where}: a wrong key and an unknown one get no answer", bool(silent) and not wrong, seen)
        if self.left_out:
            seen = "the first, the last and others evenly between them were tried"
            yield Finding(f"{where}: with the other {self.left_out} keys", None, seen)

    def _last(self, request: str) -> str:
        said = self.said.get(request, "it was not asked").strip()
        # "2026-11-22T19:45:13Z System clock wrong by -0.000001 seconds (ignored)": the time of day helps nobody.
        return said.split("Z ", 1)[-1] or "chronyd said nothing"


def asked_in(sections: Mapping[str, str]) -> Asked:
    """Return what was asked, from the sections of what a script printed. Raises KeyError, ValueError."""
    said = {name.removeprefix(REQUEST): body for name, body in sections.items() if name.startswith(REQUEST)}
    if not said:
        return Asked({})
    keys = dict(line.split("=") for line in sections["keys"].splitlines())
    return Asked(said, int(keys["all"]) - int(keys["asked"]))
