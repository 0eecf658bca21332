"""Break each host of a booted site of two servers and six clients in a way of its own."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from provision.host.sandbox.room import netns_of
from provision.host.sandbox.sandbox import Sandbox
from provision.output.status import Layer
from tests.helpers.booted_hosts import changed, login

LAYERS = {
    "ntp1": Layer.MAC_WRONG,
    "ntp2": Layer.OFFLINE,
    "web1": Layer.NAME,
    "web2": Layer.NO_ROUTE,
    "web3": Layer.CLOSED_THERE,
    "web4": Layer.NO_ANSWER,
    "web5": Layer.RATE,
    "web6": Layer.KEY_UNKNOWN,
}
"""Each host → the layer at which one of its sources fails."""
SERVERS = ("ntp1", "ntp2")
NO_NAME = "nowhere.invalid"
OFTEN = "iburst minpoll 0 maxpoll 0"
KEYS = {
    "ntp1": f"8 AES128 HEX:{'00' * 16}",
    "ntp2": f"8 AES128 HEX:{'11' * 16}",
    "web6": f"9 AES128 HEX:{'22' * 16}",
}
"""Keys that these hosts get: two have another secret for key 8, and no server has key 9."""
RESTART = "systemctl stop chronyd; rm -f /run/chrony/*.dat; systemctl start chronyd"
"""Without what was measured before: a source that is silent since then would be selected for a while."""
RATE = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", 123))
while True:
    request, client = server.recvfrom(600)
    server.sendto(bytes([0xE4, 0, request[2], 0xE7]) + bytes(8) + b"RATE" + bytes(8) + request[40:48] * 3, client)
"""
"""A server that answers each request with the kiss code RATE, at the port that a client leaves closed."""


@contextmanager
def broken(hosts: Mapping[str, Sandbox]) -> Iterator[None]:
    """Break the hosts, all of which are deployed, for a while."""
    address = {name: host.address for name, host in hosts.items()}
    second = f"server {address['ntp2']} iburst key 1"
    instead = {
        "web1": f"server {NO_NAME} iburst key 1",
        "web3": f"server {address['web1']} iburst key 1",
        "web5": f"server {address['web6']} {OFTEN}",
        "web6": f"server {address['ntp2']} {OFTEN} key 9",
    }
    # Otherwise a source with a key would exclude the one without.
    more = f"server {address['ntp2']} {OFTEN} key 8\nauthselectmode ignore"
    with ExitStack() as stack:
        stack.callback(restart, hosts)
        for name, line in instead.items():
            stack.enter_context(_edited(hosts[name], "chrony.conf", second, line))
        stack.enter_context(_edited(hosts["ntp1"], "chrony.conf", "", more))
        for name, key in KEYS.items():
            stack.enter_context(_edited(hosts[name], "chrony.keys", "", key))
        # Requests of web4 arrive, and the answers do not.
        stack.enter_context(_route(hosts["ntp2"], "blackhole", address["web4"]))
        stack.enter_context(_route(hosts["web2"], "unreachable", address["ntp2"]))
        restart(hosts)
        stack.enter_context(_answering(hosts["web6"], RATE))
        login(hosts["ntp2"], "chronyc offline")
        yield


def restart(hosts: Mapping[str, Sandbox]) -> None:
    """Start the chronyd of each host anew, and that of a client when the servers have the time.

    A client whose first requests, which come fast, are answered without the time asks again after a minute.
    """
    for name in SERVERS:
        login(hosts[name], RESTART)
    for name in SERVERS:
        login(hosts[name], "chronyc waitsync 60 0 0 0.5")
    for name in hosts.keys() - set(SERVERS):
        login(hosts[name], RESTART)


@contextmanager
def _edited(host: Sandbox, file: str, old: str, new: str) -> Iterator[None]:
    """Have another text in place of one in a file of the current generation; an empty one is at its end."""
    path = (host.root / "opt/chrony/current").resolve() / file
    text = path.read_text()
    assert not old or text.count(old) == 1, (path, text)
    edited = text.replace(old, new) if old else f"{text}{new}\n"
    with changed(path, edited):
        yield


@contextmanager
def _route(host: Sandbox, kind: str, address: str) -> Iterator[None]:
    """Have a route of a kind that carries no packet."""
    login(host, f"ip route add {kind} {address}/32")
    try:
        yield
    finally:
        login(host, f"ip route del {kind} {address}/32")


@contextmanager
def _answering(host: Sandbox, program: str) -> Iterator[None]:
    """Run a program of Python in the network of a host."""
    with subprocess.Popen(["ip", "netns", "exec", netns_of(host.name), sys.executable, "-c", program]) as process:
        try:
            yield
        finally:
            process.kill()
