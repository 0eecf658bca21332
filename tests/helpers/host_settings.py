"""Settings of a host as a command line without hosts of a site gives them."""

from provision.cli.options import Options
from provision.keys.reader import KeyReader
from provision.site.settings import Settings, settings_of_hosts


def make_settings(options: Options | None = None, *, uses_keys: bool = True) -> Settings:
    """Return the settings of a host that no site lists."""
    address_of = _no_sandbox if uses_keys else None
    run_options = (options or Options()).run_options
    ((_, settings),) = settings_of_hosts(["ntp1"], run_options, KeyReader(), address_of=address_of)
    return settings


def _no_sandbox(target: object) -> str:
    raise AssertionError(f"{target}: no sandbox is asked for")
