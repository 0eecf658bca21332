"""Query an NTP server without a key, with right keys and with wrong ones, and collect its answers.

Silence proves nothing by itself: a rate limit of the server or of a firewall drops requests that arrive together. So a
request without an answer is sent again, alone, followed by a plain request.
"""

import os
from dataclasses import dataclass, replace

from provision.keys import MAX_ID, Key, Keys
from provision.verify.ntp.exchange import Channel, Exchange, ask, reason_of, unsent_text
from provision.verify.ntp.packet import Answer

MOST_KEYS = 50
"""The most keys that are tried, here and on the host itself (query_chronyd.sh)."""
NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """The answers of a server to the requests with one key."""

    id: int
    answered: bool = False
    mac_valid: bool = False
    """The answer carried the MAC that the key makes of it."""
    limited: bool = False
    """No answer came, and none can be expected: something drops requests."""
    not_again: bool = False
    """No answer came, and the request was not repeated alone: some like it were, and stayed silent."""
    wrong_secret_answered: bool = False
    """A request with this id, and a MAC of another secret, was answered."""
    wrong_secret_limited: bool = False
    wrong_secret_not_again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The answers of a server to this machine."""

    address: str
    plain: Answer | None = None
    """The answer to a request without a MAC."""
    limited: bool = False
    """There was none, and none can be expected: something drops requests."""
    reason: str = NO_ANSWER
    """Why there was none, in words such as ``connection refused``."""
    unsent: str = ""
    """Why this machine could not send requests, and what to do about it; empty if it could."""
    keys: tuple[KeyAnswer, ...] = ()
    left_out: int = 0
    """The number of keys that were not tried, because a sample of many keys was taken."""
    unknown_id_answered: bool = False
    """A request with a key id that the server cannot know was answered."""
    unknown_id_limited: bool = False
    unknown_id_not_again: bool = False
    source: str | None = None
    """The source address of the requests; None if there is no route to the server."""
    peer: str | None = None
    """The IP address of the server."""

    def as_rate_limited(self) -> "Probe":
        """Return the probe as it reads where the server drops requests: silence proves nothing."""
        keys = (replace(one, limited=not one.answered, wrong_secret_limited=True) for one in self.keys)
        return replace(self, limited=not self.answered, keys=tuple(keys), unknown_id_limited=True)

    @property
    def is_complete(self) -> bool:
        """Return whether each request that must be answered was."""
        return self.answered and all(key.answered for key in self.keys)

    @property
    def answered(self) -> bool:
        """Return whether a plain request was answered."""
        return self.plain is not None


def probe(
    address: str,
    keys: Keys,
    *,
    port: int = 123,
    patience: float = 0.5,
    tries: int = 3,
    most: int = MOST_KEYS,
    insist: bool = True,
) -> Probe:
    """Query a server, by name or IP address, without a key, with every key and with wrong keys, all at once.

    Of more than ``most`` keys, a sample is tried: each takes two requests, and a fleet of devices has 100,000. A
    request without an answer is sent again after ``patience`` seconds, ``tries`` times in all; if others were answered,
    and we ``insist``, some of the rest are then asked one at a time. Nothing is raised: a server that
    does not answer is a result.
    """
    unknown = _unknown(keys)
    left_out = max(len(keys) - most, 0)
    keys = keys.sample(most)
    tried = (None, *keys, *map(_another_secret, keys), unknown)
    nobody = Probe(address=address, keys=tuple(KeyAnswer(id=key.id) for key in keys), left_out=left_out)
    exchanges = [Exchange(key) for key in tried]
    wanted = 1 + len(keys)
    try:
        with Channel.open(address, port) as channel:
            # Modules that are imported when they are needed are files, too, and may fail as sockets do.
            ask(channel, exchanges[:wanted], exchanges[wanted:], patience=patience, tries=tries, insist=insist)
            source = channel.socket.getsockname()[0]
            peer = channel.socket.getpeername()[0]
    except (OSError, UnicodeError) as error:
        return replace(nobody, reason=reason_of(error), unsent=unsent_text(error))
    return replace(_result(address, keys, exchanges), left_out=left_out, source=source, peer=peer)


def _another_secret(key: Key) -> Key:
    return replace(key, secret=os.urandom(len(key.secret)))


def _unknown(keys: Keys) -> Key:
    taken = set(keys.ids)
    free = next(number for number in range(MAX_ID, 0, -1) if number not in taken)
    return Key(free, "AES128", os.urandom(16))


def _result(address: str, keys: Keys, exchanges: list[Exchange]) -> Probe:
    plain, *others, unknown = exchanges
    right, wrong = others[: len(keys)], others[len(keys) :]
    return Probe(
        address=address,
        plain=plain.answer,
        limited=plain.limited,
        reason=plain.error or NO_ANSWER,
        unsent=plain.unsent,
        keys=tuple(
            KeyAnswer(
                id=key.id,
                answered=ours.answer is not None,
                mac_valid=ours.mac_valid,
                limited=ours.limited,
                not_again=ours.not_again,
                wrong_secret_answered=other.answer is not None,
                wrong_secret_limited=other.limited,
                wrong_secret_not_again=other.not_again,
            )
            for key, ours, other in zip(keys, right, wrong, strict=True)
        ),
        unknown_id_answered=unknown.answer is not None,
        unknown_id_limited=unknown.limited,
        unknown_id_not_again=unknown.not_again,
    )
