"""Refuse to make the first keys where nobody reads where they are kept."""

import sys
from collections.abc import Iterable

from provision.common.errors import SiteError
from provision.host.target import Target
from provision.site.settings import Settings


def refuse_unattended(host_settings: Iterable[tuple[Target, Settings]]) -> None:
    """Raise SiteError if a run without a terminal would make keys, or take over those of a host, in a default place.

    In a pipeline the secrets would stay in the home folder of a runner, and a runner without them makes others.
    """
    if sys.stdin.isatty():
        return
    for _, settings in host_settings:
        if settings.has_keys or settings.site.keys.file is not None or settings.site.keys.command is not None:
            continue
        raise SiteError(
            f"{settings.key_source.name}: no keys yet, and without a terminal nobody would read that they are made: "
            "make them (inv keys.add), or say in the site where they are (keys.file, keys.command)"
        )
