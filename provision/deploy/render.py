"""Render templates to text. Templates contain layout only; all decisions are made before.

The templates are in the folder ``templates`` beside this package, or inside it if it was installed from a wheel.
"""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from provision.chrony.ports import NTS_KE_PORT
from provision.host.paths import CREDENTIALS, GENERATION, NTS_CHAIN, NTS_KEY, STATE, TRUSTED
from provision.site.directive import access_lines, lines
from provision.site.nts import Nts
from provision.site.schema import Serve, Site
from provision.site.source import Source

COMMAND_DIRECTIVES = {"cmdport", "cmdallow", "cmddeny", "cmdratelimit", "bindcmddevice", "opencommands"}
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


def chrony_conf(
    site: Site,
    *,
    sources: Sequence[Source],
    keyfile: str,
    boots_without_time: bool = False,
    bind_lines: Sequence[str] = (),
    by_credentials: bool = True,
) -> str:
    """Return the whole chrony.conf; ``keyfile`` is its path on the host.

    ``boots_without_time``: the clock of the host is wrong after a boot. ``bind_lines``: see SocketUnit.
    ``by_credentials``: systemd gives the certificate of a server to the service.
    """
    time = site.time
    return render(
        "chrony.conf",
        sources=[source.line for source in sources],
        selection=lines(time, "minsources", "maxdistance", "authselectmode"),
        local=lines(time, "local"),
        access=_access(site.serve, {line.name for line in time.extra}),
        bind_lines=bind_lines,
        keyfile=keyfile,
        nts_server=_nts_server(site.serve, CREDENTIALS if by_credentials else GENERATION),
        nts_client=_nts_client(site),
        unchecked_dates=_unchecked_dates(site, sources, boots_without_time=boots_without_time),
        clock=lines(time, "makestep", "maxupdateskew", "rtcsync"),
        leap_seconds=lines(time, "leapsectz"),
        driftfile=time.driftfile_line,
        logs=lines(time, "log", "logdir"),
        extra=time.extra,
    )


def _nts_server(serve: Serve, folder: str) -> tuple[str, ...]:
    """Return the directives of a server with NTS, whose certificate and key chronyd finds in ``folder``."""
    if serve.nts is None:
        return ()
    port = () if serve.nts.port == NTS_KE_PORT else (f"ntsport {serve.nts.port}",)
    return (
        f"ntsservercert {folder}/{NTS_CHAIN}",
        f"ntsserverkey {folder}/{NTS_KEY}",
        *port,
        *_nts_cookie_keys(serve.nts),
    )


def _nts_cookie_keys(nts: Nts) -> tuple[str, ...]:
    """Return the lines about the keys of cookies."""
    if nts.has_shared_keys:
        # chronyd reads them there, and neither makes nor writes any.
        return (f"ntsdumpdir {GENERATION}", "ntsrotate 0")
    # Without it, each restart would send all clients to the key exchange, at the same time.
    return (f"ntsdumpdir {STATE}",)


def _nts_client(site: Site) -> tuple[str, ...]:
    if not site.time.trusted_certificates:
        return ()
    return (f"ntstrustedcerts {GENERATION}/{TRUSTED}",)


def _unchecked_dates(site: Site, sources: Sequence[Source], *, boots_without_time: bool) -> tuple[str, ...]:
    has_line = any(line.name == "nocerttimecheck" for line in site.time.extra)
    if has_line or not boots_without_time or not any(source.nts for source in sources):
        return ()
    return ("nocerttimecheck 1",)


def _access(serve: Serve, extra: Collection[str]) -> tuple[str, ...]:
    """Return the directives of access; chronyd denies every address that no line allows. A client has no NTP port.

    A client also has no command port, 323, because chronyc uses the socket, unless one of the directives ``extra`` of
    the site configures that port.
    """
    if serve.role == "client":
        return ("port 0",) if COMMAND_DIRECTIVES & set(extra) else ("port 0", "cmdport 0")
    return access_lines(serve.allowed, serve.deny)
