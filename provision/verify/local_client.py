"""NTP requests of chronyd, as a client, to a daemon on its own host: the output of ``query_chronyd.sh``, parsed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

REQUEST = "ask "
SERVED = "served "
ANSWERED, INVALID, SILENT, LIMITED, UNANSWERED = OUTCOMES = ("answered", "invalid", "silent", "limited", "unanswered")
"""How a request ended: with an answer whose MAC, if a key was used, was valid; with an answer without one; without any,
while others beside it were answered; without any, as others that come through alone; without any, as all others."""
OFFSET = re.compile(r"System clock wrong by (-?[0-9]+\.[0-9]+) seconds")
"""The line of ``chronyd -Q`` when an answer synchronised it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request and its outcome."""

    outcome: str
    """One of OUTCOMES."""
    last_line: str = ""
    """The last line of chronyd, the client, without its time of day."""

    @property
    def offset(self) -> float | None:
        """Return the seconds by which the answer differed from the client's clock; None where it did not tell."""
        found = OFFSET.search(self.last_line)
        if found is None:
            return None
        return float(found[1])

    def as_rate_limited(self) -> "Request":
        """Return the request as it reads where a limit drops requests: silence proves nothing."""
        if self.outcome != SILENT:
            return self
        return replace(self, outcome=LIMITED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The requests that chronyd counted while some went unanswered."""

    sent: int
    """Requests that were sent in that time."""
    received: int
    dropped: int
    """Requests that its own limit dropped (chrony.conf(5), ratelimit)."""
    denied: bool = False
    """Its access rules keep the address out; it does not count such requests."""

    @property
    def lossy(self) -> bool:
        """Return whether requests were lost, so that silence proves nothing."""
        return self.dropped > 0 or self.received < self.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAnswers:
    """The requests of chronyd, as a client, to one address of a daemon."""

    address: str
    requests: Mapping[str, Request]
    """"plain", "key 1", "other-secret 1", "unknown id" → how it ended."""
    left_out: int = 0
    """The number of keys that were not tried, because a sample of many keys was taken."""
    served: Served | None = None
    """None if no answer was missing, or if chronyd did not show its counters."""

    @property
    def reached(self) -> bool:
        """Return whether any request was answered."""
        return any(request.outcome != UNANSWERED for request in self.requests.values())

    @property
    def plain(self) -> Request:
        """Return the request without a key."""
        return self.requests.get("plain", Request(outcome=UNANSWERED, last_line="no request was sent"))

    @property
    def with_key(self) -> Mapping[str, Request]:
        """Return the requests with a key of the server, by their names, such as ``key 1``."""
        return {name: request for name, request in self.requests.items() if name.startswith("key ")}

    @property
    def with_wrong_key(self) -> Mapping[str, Request]:
        """Return the requests with a wrong secret or an unknown key id, by their names."""
        wrong = ("other-secret ", "unknown id")
        return {name: request for name, request in self.requests.items() if name.startswith(wrong)}


def parse_local_answers(sections: Mapping[str, str]) -> tuple[LocalAnswers, ...]:
    """Return the answers at each address, from the sections of a script's output.

    Raises KeyError, ValueError.
    """
    if "keys" not in sections:
        return ()
    keys = dict(line.split("=", 1) for line in sections["keys"].splitlines())
    left_out = int(keys["all"]) - int(keys["asked"])
    found = []
    for number, address in enumerate(keys["addresses"].split()):
        start = f"{REQUEST}{address} "
        requests = {
            name.removeprefix(start): _request(body) for name, body in sections.items() if name.startswith(start)
        }
        served = parse_served(sections.get(f"{SERVED}{address}", ""))
        if served is not None and served.lossy:
            requests = {name: request.as_rate_limited() for name, request in requests.items()}
        # All keys are tried at the first address; at the others only whether they answer.
        found.append(
            LocalAnswers(address=address, requests=requests, left_out=0 if number else left_out, served=served)
        )
    return tuple(found)


def _request(body: str) -> Request:
    outcome, _, rest = body.partition("\n")
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome[:40]!r} is no outcome of a request")
    # Remove the time of day, as in "2026-11-22T19:45:13Z System clock wrong by …".
    return Request(outcome=outcome, last_line=rest.strip().split("Z ", 1)[-1])


def parse_served(text: str) -> Served | None:
    """Parse the number of requests, and the counters before and after, such as "sent 2" and "client 12 3".

    Return None if chronyd did not show the counters of this client. Raises ValueError.
    """
    match [line.split() for line in text.splitlines() if line.strip()]:
        case [["sent", sent], [whose, received, dropped], [whose_after, received_after, dropped_after], *rest]:
            if whose != whose_after:
                return None
            return Served(
                sent=int(sent),
                received=int(received_after) - int(received),
                dropped=int(dropped_after) - int(dropped),
                denied=rest[:1] == [["209", "Access", "denied"]],
            )
    return None
