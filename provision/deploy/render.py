"""Render templates to text. Templates contain layout only; all decisions are made before.

The templates are in the folder ``templates`` beside this package, or inside it if it was installed from a wheel.
"""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provision.site.directive import access_lines, lines
from provision.site.schema import Serve, Site
from provision.site.source import Source

COMMAND_PORT = {"cmdport", "cmdallow", "cmddeny", "cmdratelimit", "bindcmddevice", "opencommands"}
"""Directives about the command port (chrony.conf(5), COMMAND AND MONITORING ACCESS)."""
_PACKAGE = Path(__file__).parents[1]


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
    """Return the text of a template, which has the name of the rendered file, such as ``chrony.conf``."""
    return _environment().get_template(f"{name}.j2").render(values)


@cache
def _html_environment() -> Environment:
    environment = Environment(
        loader=_environment().loader,
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Of the filter tojson, which escapes <, >, & and '.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return environment


def render_html(name: str, **values: object) -> str:
    """Return the text of a template of HTML; each value is escaped, for names and texts come from hosts."""
    return _html_environment().get_template(f"{name}.j2").render(values)


def template_text(name: str) -> str:
    """Return the text of a file beside the templates, such as a style sheet, as it is."""
    loader = _environment().loader
    assert loader is not None  # noqa: S101 -- it has one
    return loader.get_source(_environment(), name)[0]


def chrony_conf(site: Site, *, sources: Sequence[Source], keyfile: str) -> str:
    """Return the whole chrony.conf; ``keyfile`` is its path on the host."""
    time = site.time
    return render(
        "chrony.conf",
        sources=[source.line for source in sources],
        selection=lines(time, "minsources", "maxdistance", "authselectmode"),
        local=lines(time, "local"),
        access=_access(site.serve, {line.name for line in time.extra}),
        keyfile=keyfile,
        clock=lines(time, "makestep", "maxupdateskew", "rtcsync"),
        leap_seconds=lines(time, "leapsectz"),
        driftfile=time.driftfile_line,
        logs=lines(time, "log", "logdir"),
        extra=time.extra,
    )


def _access(serve: Serve, extra: Collection[str]) -> tuple[str, ...]:
    """Return the directives of access; chronyd denies every address that no line allows. A client has no NTP port.

    A client also has no command port, 323, because chronyc uses the socket, unless one of the directives ``extra`` of
    the site configures that port.
    """
    if serve.role == "client":
        return ("port 0",) if COMMAND_PORT & set(extra) else ("port 0", "cmdport 0")
    return access_lines(serve.allowed, serve.deny)
