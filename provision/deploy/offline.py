"""Show what a site gives to a host, without contact to the host: its chrony.conf, and who may ask it. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provision.chrony.access_rules import AccessRules, Decision
from provision.chrony.conf import words_of
from provision.chrony.needs import Argument, needed
from provision.chrony.releases import DEFAULT_CHRONY
from provision.chrony.statement import statements
from provision.deploy.choices import conf_with
from provision.site.schema import Site, choose_sources

NOT_OF_THE_HOST = {Argument.NONE, Argument.PORT}
"""The arguments of directives that name no device, interface or file, which a host may lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Say whether an address may ask a host for time, and why."""

    address: str
    allowed: bool | None
    """None: it depends on the address of a host name, which chronyd resolves when it starts."""
    line: str
    """The line of chrony.conf that decides; empty if no line is about the address."""
    reason: str
    """Words such as ``allowed by "allow 10.0.0.0/8"``."""

    def __str__(self) -> str:
        return f"{self.address}: {self.reason}"


def conf_of(site: Site, chrony: str = DEFAULT_CHRONY) -> str:
    """Return the chrony.conf of a host for a release of chrony; see :func:`assumptions`."""
    return conf_with(choose_sources(site, time_source=None, ec2=False), site, chrony=chrony, systemd=None)


def assumptions(site: Site, *, is_sandbox: bool) -> Iterator[str]:
    """Yield what only the host knows: what was assumed about it, and what was not looked at."""
    if site.time.sources is None and is_sandbox:
        yield "a sandbox uses the time source of this machine's sandboxes in place of pool.ntp.org"
    elif site.time.sources is None:
        yield "the host is not on Amazon EC2, where 169.254.169.123 takes the place of pool.ntp.org"
    for need in needed(conf_of(site)):
        if need.need.argument not in NOT_OF_THE_HOST and not need.optional:
            yield f'the host has what "{need.text}" needs'


def may_ask(conf: str, addresses: Iterable[str]) -> Iterator[Answer]:
    """Yield an answer for each IP address. Raises ParseError."""
    ports = list(words_of(conf, "port"))
    rules = AccessRules.of(statements(conf))
    for address in addresses:
        decision = rules.decide(address)
        if ports and ports[-1] == ("0",):
            # chronyd opens no NTP port then, whatever the other lines allow.
            yield Answer(address=address, allowed=False, line="port 0", reason='denied by "port 0": it serves no time')
        else:
            yield _answer(address, decision)


def _answer(address: str, decision: Decision) -> Answer:
    return Answer(
        address=address,
        allowed=decision.allowed if decision.is_known else None,
        line="" if decision.rule is None else str(decision.rule),
        reason=str(decision),
    )
