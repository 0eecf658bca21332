"""Templates and values to text. A template lays out and prints; what stands in it is decided before.

The templates lie in the folder ``templates`` beside this package, and inside it when it was installed from a wheel.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provision.site import Serve, Site
from provision.site.directive import lines
from provision.site.source import Source

_PACKAGE = Path(__file__).parent


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader([_PACKAGE / "templates", _PACKAGE.parent / "templates"]),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 -- these are configuration files, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(name: str, **values: object) -> str:
    """Return the text of a template, named by the file that it makes (``chrony.conf``)."""
    return _environment().get_template(f"{name}.j2").render(values)


def chrony_conf(site: Site, *, sources: Sequence[Source], keyfile: str) -> str:
    """Return the whole chrony.conf; ``keyfile`` is its path on the host."""
    time = site.time
    return render(
        "chrony.conf",
        sources=[source.line for source in sources],
        selection=lines(time, "minsources", "maxdistance", "authselectmode"),
        local=lines(time, "local"),
        access=_access(site.serve),
        keyfile=keyfile,
        clock=lines(time, "makestep", "maxupdateskew", "rtcsync"),
        leap_seconds=lines(time, "leapsectz"),
        driftfile=time.driftfile,
        logs=lines(time, "log", "logdir"),
        extra=time.extra,
    )


def _access(serve: Serve) -> tuple[str, ...]:
    """Return who may ask. A client has no NTP port at all; chronyd denies everybody whom no line allows."""
    if serve.role == "client":
        return ("port 0",)
    return (*(f"allow {network}" for network in serve.allowed), *(f"deny {network}" for network in serve.deny))
