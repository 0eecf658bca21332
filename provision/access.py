"""Who may ask a server for time, by chrony's rules.

Of all networks in allow and deny that hold an address the narrowest decides, in whatever order they stand; an address
in none of them is denied (chrony.conf(5), allow; addrfilt.c). So ``allow 0.0.0.0/0`` says nothing about IPv6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from provision.errors import ParseError, SiteError

Network = IPv4Network | IPv6Network

PRIVATE = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",  # loopback, RFC 1122
            "10.0.0.0/8",  # private, RFC 1918
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",  # link-local, RFC 3927
            "198.18.0.0/15",  # laboratories, RFC 2544
            "::1/128",  # loopback, RFC 4291
            "fc00::/7",  # private, RFC 4193
            "fe80::/10",  # link-local, RFC 4291
        ),
    )
)
"""Networks whose packets the Internet does not carry."""
EVERYONE = tuple(map(ip_network, ("0.0.0.0/0", "::/0")))
IN_WORDS = (
    (PRIVATE, "private networks and loopback"),
    (EVERYONE, "everyone"),
    (EVERYONE[:1], "everyone (IPv4)"),
    (EVERYONE[1:], "everyone (IPv6)"),
)


def _within(inner: Network, outer: Network) -> bool:
    """Say whether a network is a part of another, or the same; ``subnet_of`` raises for two IP versions."""
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


@dataclass(frozen=True, slots=True)
class Access:
    """The networks that may ask, and those that may not. Raises SiteError when one is both."""

    allow: tuple[Network, ...]
    deny: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        for network in self.allow:
            if network in self.deny:
                raise SiteError(f"{network} is both allowed and denied: remove it from serve.allow or serve.deny")

    def admits(self, address: str) -> bool:
        """Say whether an IP address may ask. Raises ParseError when it is none."""
        try:
            asking = ip_network(ip_address(address))
        except ValueError as error:
            raise ParseError(f"{address!r} is not an IP address") from error
        return self._decides(asking, self.allow + self.deny)

    @property
    def is_public(self) -> bool:
        """Say whether a network is let in whose packets the Internet carries, even if it is denied piece by piece."""
        return any(not any(_within(network, private) for private in PRIVATE) for network in self.allow)

    def in_words(self) -> str:
        """Return one line such as ``10.0.0.0/8 but not 10.1.0.0/16``; networks that change nothing are left out."""
        let_in = tuple(network for network in self.allow if not self._around(network))
        shut_out = tuple(network for network in self.deny if self._around(network))
        if not shut_out:
            return _list(let_in) or "nobody"
        nested = any(_within(inner, outer) for inner in let_in for outer in shut_out)
        return f"{_list(let_in)} but not {_list(shut_out)}{' (the narrowest decides)' if nested else ''}"

    def _around(self, network: Network) -> bool:
        """Say whether the network would be let in if it were not named itself."""
        return self._decides(network, tuple(other for other in self.allow + self.deny if other != network))

    def _decides(self, asking: Network, rules: tuple[Network, ...]) -> bool:
        """Say whether the narrowest rule that holds the whole network lets it in."""
        holding = [rule for rule in rules if _within(asking, rule)]
        return bool(holding) and max(holding, key=lambda rule: rule.prefixlen) in self.allow


def _list(networks: tuple[Network, ...]) -> str:
    *others, last = _names(networks) or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def _names(networks: tuple[Network, ...]) -> tuple[str, ...]:
    """Return how we call the networks; a whole set that has a name goes by it."""
    return tuple(_named(list(networks)))


def _named(left: list[Network]) -> Iterator[str]:
    for known, words in IN_WORDS:
        if set(known) <= set(left):
            left = [network for network in left if network not in known]
            yield words
    yield from map(str, left)
