"""Export keys to another chronyd: its key file and its chrony.conf."""

from provision.keys import Keys
from provision.keys.export.format import Format, Servers, server_lines

FILE = "/etc/chrony/chrony.keys"


def _keys(keys: Keys, _: Servers) -> str:
    return keys.text


def _configuration(keys: Keys, servers: Servers) -> str:
    head = f"# chrony.conf; the exported file is {FILE}, which chronyd's account must be able to read\n"
    return f"{head}keyfile {FILE}\n{server_lines(keys, servers)}"


CHRONY = Format(keys=_keys, suffix=".keys", configuration=_configuration)
