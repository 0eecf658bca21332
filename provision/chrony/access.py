"""Evaluate the access rules of a site: the networks that may query a server.

The narrowest network in ``allow`` or ``deny`` that contains an address decides, as in a chrony.conf that names wider
networks first; provision/chrony/access_rules.py evaluates lines in any order. An address in none of them is denied
(chrony.conf(5), allow; addrfilt.c). ``allow 0.0.0.0/0`` therefore does not apply to IPv6.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network

from provision.common.errors import ParseError, SiteError

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
"""Networks that are not routed on the Internet."""
EVERYONE = tuple(map(ip_network, ("0.0.0.0/0", "::/0")))
IN_WORDS = (
    (PRIVATE, "private networks and loopback"),
    (EVERYONE, "everyone"),
    (EVERYONE[:1], "everyone (IPv4)"),
    (EVERYONE[1:], "everyone (IPv6)"),
)


def within(inner: Network, outer: Network) -> bool:
    """Return whether ``inner`` is a part of ``outer`` or equal to it, also for different IP versions."""
    return inner.network_address in outer and inner.prefixlen >= outer.prefixlen


def _is_private(network: Network) -> bool:
    return any(within(network, private) for private in PRIVATE)


def _place(network: Network) -> tuple[int, int, int]:
    return network.version, int(network.network_address), network.prefixlen


@dataclass(frozen=True, slots=True)
class Access:
    """Hold the networks that may query and those that may not. Raises SiteError if a network is in both."""

    allow: tuple[Network, ...]
    deny: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        denied = set(self.deny)
        for network in self.allow:
            if network in denied:
                raise SiteError(f"{network} is both allowed and denied: remove it from serve.allow or serve.deny")

    def admits(self, address: str) -> bool:
        """Return whether an IP address may query. Raises ParseError if ``address`` is not an IP address."""
        try:
            asking = ip_network(ip_address(address))
        except ValueError as error:
            raise ParseError(f"{address!r} is not an IP address") from error
        return self._decides(asking, self.allow + self.deny)

    @property
    def is_public(self) -> bool:
        """Return whether an address outside of the private networks may query."""
        inside: dict[Network, list[Network]] = {network: [] for network in self.allow}
        for network, holder in self._around().items():
            if holder in inside:
                inside[holder].append(network)
        return any(_has_public_rest(network, parts) for network, parts in inside.items())

    @property
    def is_everyone(self) -> bool:
        """Return whether each address of an IP version may query, by one network or by several that cover it."""
        return not self.deny and any(network in EVERYONE for network in joined(self.allow))

    def in_words(self) -> str:
        """Return one line such as ``10.0.0.0/8 but not 10.1.0.0/16``; networks without an effect are left out."""
        around = self._around()
        allowed = set(self.allow)
        let_in = tuple(network for network in self.allow if around[network] not in allowed)
        shut_out = tuple(network for network in self.deny if around[network] in allowed)
        if not shut_out:
            return _list(let_in) or "nobody"
        words = f"{_list(let_in)} but not {_list(shut_out)}"
        outer = set(shut_out)
        if any(_is_inside(network, around, outer) for network in let_in):
            words += " (the narrowest decides)"
        return words

    def _around(self) -> Mapping[Network, Network | None]:
        """Return the narrowest other network that contains each network, or None."""
        found: dict[Network, Network | None] = {}
        # In this order, a network follows all networks that contain it. The candidates for the next one form a stack.
        holding: list[Network] = []
        for network in sorted({*self.allow, *self.deny}, key=_place):
            while holding and not within(network, holding[-1]):
                holding.pop()
            found[network] = None
            if holding:
                found[network] = holding[-1]
            holding.append(network)
        return found

    def _decides(self, asking: Network, rules: tuple[Network, ...]) -> bool:
        """Return whether the narrowest rule that contains the whole network allows it."""
        holding = [rule for rule in rules if within(asking, rule)]
        return bool(holding) and max(holding, key=lambda rule: rule.prefixlen) in self.allow


def _is_inside(network: Network, around: Mapping[Network, Network | None], outer: AbstractSet[Network]) -> bool:
    """Return whether one of the networks that contain ``network`` is in ``outer``."""
    holder = around[network]
    while holder is not None and holder not in outer:
        holder = around[holder]
    return holder is not None


def _has_public_rest(network: Network, parts: Collection[Network]) -> bool:
    """Return whether a network has addresses that are neither private nor in ``parts``, which have their own rules."""
    if _is_private(network):
        return False
    private = (one for one in PRIVATE if within(one, network))
    return network not in joined((*parts, *private))


def joined(networks: Collection[Network]) -> tuple[Network, ...]:
    """Return the fewest networks that have the same addresses."""
    four = collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    six = collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
    return (*four, *six)


def _list(networks: tuple[Network, ...]) -> str:
    *others, last = _names(networks) or ("",)
    if not others:
        return last
    return f"{', '.join(others)} and {last}"


def _names(networks: tuple[Network, ...]) -> tuple[str, ...]:
    """Return the names of the networks; a known set is replaced by its name in ``IN_WORDS``."""
    left = list(networks)
    whole = [network for network in joined(networks) if network in EVERYONE]
    for everyone in whole:
        # As 0.0.0.0/1 and 128.0.0.0/1 together are.
        left = [everyone, *(network for network in left if network.version != everyone.version)]
    return tuple(_named(left))


def _named(left: list[Network]) -> Iterator[str]:
    for known, words in IN_WORDS:
        if set(known) <= set(left):
            left = [network for network in left if network not in known]
            yield words
    yield from map(str, left)
