"""Determine the key source of a host."""

from platformdirs import user_config_path

from provision.keys.source import KeyCommand, KeyFile, KeySource
from provision.site import Site


def source_of(site: Site) -> KeySource:
    """Return the key source of a host: a command, a key file of the site, or the default key file."""
    if site.keys.command is not None:
        return KeyCommand(site.keys.command, site.keys.command.words, site.keys.command.folder)
    return KeyFile(site.keys.file or user_config_path("chrony-provision") / "chrony.keys")
