"""Compare the command line and the unit of a service with those of a deployment."""

from collections.abc import Iterator

from provision.common.results import Loss
from provision.takeover.command_line import parse_chronyd
from provision.takeover.existing import ExistingService, Program
from provision.takeover.wanted import Wanted

OPTIONS_OWNED = "46dnFfuUv"
"""Options of chronyd that the deployment decides; for 4 and 6, see _address_families."""


def unit_losses(service: ExistingService, wanted: Wanted) -> Iterator[Loss]:
    """Yield the options of a service's command line and of its unit."""
    if service.program is Program.CHRONY:
        given = parse_chronyd(service.command).options
        for letter, value in given:
            if letter not in OPTIONS_OWNED and (letter, value) not in wanted.options:
                yield Loss(id="option", was=f"chronyd -{letter} {value}".rstrip(), place=service.name)
        yield from _address_families(service, {letter for letter, _ in given}, wanted)
    if service.own_unit:
        yield Loss(id="unit", was="a unit file of its own", place=service.own_unit)
    for place, setting in service.lost_settings:
        yield Loss(id="unit", was=setting, place=place)


def _address_families(service: ExistingService, given: set[str], wanted: Wanted) -> Iterator[Loss]:
    there = {letter for letter, _ in wanted.options}
    for letter, family, other in (("4", "IPv4", "IPv6"), ("6", "IPv6", "IPv4")):
        if letter in given and letter not in there:
            yield Loss(
                id=f"{other.lower()}.opens",
                was=f"chronyd -{letter}, {family} alone",
                now=f"also {other}",
                place=service.name,
            )
