"""A server with NTS as its clients see it: how it is asked, and the outcomes of clients on its own host."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from provision.chrony.conf import words_of
from provision.chrony.ports import NTS_KE_PORT
from provision.host.facts import Facts
from provision.host.paths import NTS_SHARED_KEYS
from provision.keys.certificates import Certificates, served
from provision.keys.nts_keys import parse_server_keys
from provision.verify.expectation import Expectation, without_zone
from provision.verify.local_client import OFFSET
from provision.verify.nts_server import NtsServer

SECTION = "nts "
"""The beginning of the names of the sections with the outcomes (query_nts.sh)."""
UNTRUSTED = "The certificate is NOT trusted. "
"""What GnuTLS says before the reason why it refuses a certificate."""
ANSWERED, INVALID, REFUSED, UNRESOLVED = OUTCOMES = ("answered", "invalid", "refused", "unresolved")
"""The client got an authenticated answer; an answer without valid authentication; no answer, because it or the server
refused the other; or it could not be tried, because the server's name does not lead to the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsAnswer:
    """The outcome of one client."""

    outcome: str
    """One of OUTCOMES."""
    words: str = ""
    """The last line of the client about its time or a failure; of a refused certificate only the reason."""

    @property
    def offset(self) -> float | None:
        """Return the seconds by which the answer differed from the client's clock; None if there was none."""
        found = OFFSET.search(self.words)
        if found is None:
            return None
        return float(found[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class NtsAnswers:
    """The outcomes of three clients on the host: with the right authority and name, and with one of them exchanged."""

    right: NtsAnswer
    other_authority: NtsAnswer
    other_name: NtsAnswer


def with_nts(expected: Expectation, conf: str, certificates: Certificates, facts: Facts, authority: str) -> Expectation:
    """Return the expectation of a host with these certificates; a chain makes it a server with NTS. Raises SiteError.

    ``authority`` is what clients have to trust, in PEM; empty for the last certificate of the chain.
    """
    if not certificates.chain:
        return expected
    found = served(certificates.chain, authority)
    ports = [int(words[0]) for words in words_of(conf, "ntsport") if words and words[0].isdecimal()]
    shared_keys = None
    if certificates.shared_keys:
        shared_keys = parse_server_keys(certificates.shared_keys, NTS_SHARED_KEYS)
    server = NtsServer(
        name=found.name,
        port=(ports or [NTS_KE_PORT])[-1],
        authority=found.authority,
        end=found.end,
        lifetime=found.lifetime,
        shared_keys=shared_keys,
    )
    return replace(expected, nts=_with_query_address(server, expected, facts))


def _with_query_address(server: NtsServer, expected: Expectation, facts: Facts) -> NtsServer:
    """Return the server with the address at which the host queries itself, or with the reason why it does not."""
    if not expected.query_addresses:
        return replace(server, unqueried_reason="; ".join(expected.unqueried_reasons))
    try:
        named = str(ip_address(server.name))
    except ValueError:
        return replace(server, address=expected.query_addresses[0])
    if has_address(facts, named):
        return replace(server, address=named)
    return replace(server, unqueried_reason=f"its certificate is for {named} alone, which is no address of the host")


def has_address(facts: Facts, address: str) -> bool:
    """Return whether an address is one of the host; behind NAT, that of its certificate may be another machine's."""
    own = {without_zone(one) for one in (facts.address, *facts.addresses) if one is not None}
    return str(ip_address(address)) in {*own, "127.0.0.1", "::1"}


def parse_nts(sections: Mapping[str, str]) -> NtsAnswers | None:
    """Return the outcomes of the clients; None if none was started. Raises ValueError."""
    found = [sections.get(f"{SECTION}{name}") for name in ("right", "other-authority", "other-name")]
    if None in found:
        return None
    right, other_authority, other_name = (_answer(text or "") for text in found)
    return NtsAnswers(right=right, other_authority=other_authority, other_name=other_name)


def _answer(text: str) -> NtsAnswer:
    outcome, _, rest = text.partition("\n")
    if outcome not in OUTCOMES:
        raise ValueError(f"{outcome[:40]!r} is no outcome of a request with NTS")
    line = rest.strip().split("Z ", 1)[-1].rstrip(". ")
    return NtsAnswer(outcome=outcome, words=line.rpartition(UNTRUSTED)[2])
