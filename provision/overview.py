"""What each host of a site resolves to, and which level of the file has said so, as text."""

import json
from collections.abc import Iterable, Iterator

from provision.roster import Member
from provision.site import Site
from provision.site.advice import warnings


def overview(resolved: Iterable[tuple[Member, Site]]) -> Iterator[str]:
    """Yield a paragraph for each host, given with what it resolves to."""
    for member, site in resolved:
        yield "\n".join(_lines(member, site))


def _lines(member: Member, site: Site) -> Iterator[str]:
    target = member.target
    reached = target.address or (f"sandbox:{target.sandbox}" if target.sandbox else target.kind.value)
    user, port = f"{target.user}@" if target.user else "", f":{target.port}" if target.port else ""
    reached = f"[{reached}]" if port and ":" in reached else reached
    group = f" of group {member.group}" if member.group else ""
    yield f"{member.name}: {site.serve.role}{group}, reached at {user}{reached}{port}"
    for key, value, level in member.settings():
        yield f"  {key} = {_toml(value)}  ({level})"
    sources = site.time.sources
    asks = [f"{source.address}{f' with key {source.key}' if source.key else ''}" for source in sources or ()]
    yield f"  asks: {', '.join(asks) or ('nobody' if sources is not None else 'the default sources')}"
    if site.serve.allowed:
        yield f"  may be asked by: {', '.join(site.serve.allowed)}"
    for warning in warnings(site):
        yield f"  note: {warning}"


def _toml(value: object) -> str:
    """Return a value as TOML writes it in one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            # TOML's escapes are JSON's.
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value.items())} }}"
    return str(value)
