"""Check the address of a Dask scheduler, without Dask: the key of a run must not travel to it unencrypted."""

import re
from contextlib import suppress
from ipaddress import ip_address

from provision.common.errors import SiteError

ADDRESS = re.compile(r"(?P<scheme>tcp|tls)://(?:\[(?P<ipv6>[^\]\s]+)\]|(?P<name>[^:/\s\[\]]+)):(?P<port>[0-9]{1,5})")


def check_address(address: str) -> None:
    """Raise SiteError if ``address`` is malformed, or if the key of the run would travel to it unencrypted."""
    match = ADDRESS.fullmatch(address)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise SiteError(f"--scheduler {address}: not an address; say tls://name:8786, or tcp://127.0.0.1:8786")
    refuse_open(address, scheduler=address)


def refuse_open(address: str, *, scheduler: str) -> None:
    """Raise SiteError if ``address``, a member of the cluster, is a tcp:// address beyond the loopback interface."""
    match = ADDRESS.fullmatch(address)
    if match is not None and (match["scheme"] == "tls" or _is_loopback(match["ipv6"] or match["name"])):
        return
    member = ""
    if address != scheduler:
        member = f"{address} belongs to it: "
    raise SiteError(
        f"--scheduler {scheduler}: {member}over tcp:// everybody on the network could read the keys; "
        "start scheduler and workers with TLS (dask.org: distributed.comm.tls), and use tls://"
    )


def _is_loopback(name: str) -> bool:
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name == "localhost"
