"""Show the settings of each host, and the level of the file that sets each of them."""

from collections.abc import Iterable, Iterator

from provision.host.target import Target
from provision.site.advice import warnings
from provision.site.inventory import Member
from provision.site.levels import Level, settings
from provision.site.schema import Site
from provision.site.source import Source
from provision.site.toml_text import toml_value


def title(member: Member) -> str:
    """Return the first line about a host: its name, its role, and its address for a connection."""
    role: str = member.site.serve.role
    if member.group:
        role += f" of group {member.group}"
    return f"{member.name}: {role}, reached at {_reached_at(member.target)}"


def lines_of(first: str, levels: tuple[Level, ...], site: Site) -> Iterator[str]:
    """Yield the lines about a host after a first one; ``site`` has all that holds for it."""
    yield first
    for key, value, level in settings(levels):
        yield f"  {key} = {toml_value(value)}  ({level})"
    yield f"  asks: {_asked(site.time.sources)}"
    if site.serve.allowed:
        yield f"  may be asked by: {', '.join(site.serve.allowed)}"
    if site.serve.allowed and site.serve.deny:
        yield f"  but not by: {', '.join(site.serve.deny)} (the narrowest network decides)"
    for warning in warnings(site):
        yield f"  note: {warning}"


def _reached_at(target: Target) -> str:
    if target.sandbox:
        return f"sandbox:{target.sandbox}"
    place = target.address or target.kind.value
    if target.port:
        if ":" in place:
            place = f"[{place}]"
        place += f":{target.port}"
    if target.user:
        place = f"{target.user}@{place}"
    return place


def _asked(sources: Iterable[Source] | None) -> str:
    if sources is None:
        return "the default sources"
    return ", ".join(map(_with_key, sources)) or "nobody"


def _with_key(source: Source) -> str:
    if source.nts:
        return f"{source.address} with NTS"
    if not source.key:
        return str(source.address)
    return f"{source.address} with key {source.key}"
