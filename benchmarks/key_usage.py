"""The cost of counting the use of keys: ``unshare -n -m python -m benchmarks.key_usage``, as root, in ten seconds.

Answers of an NTP server with a MAC are sent from port 123 to an interface without a host behind it: CPU seconds for
each, without the table of ``key_usage.sh`` and with it, when it holds 100,000 keys. It changes the network of its
namespace and covers /var/lib, so it refuses to run in that of the machine.
"""

import os
import random
import socket
import subprocess
import sys
from statistics import median

from provision.host import scripts

KEYS = 100_000
ANSWERS = 300_000
RUNS = 3
REQUESTS = 2_000
"""Requests a second of a busy server."""
HEADER = bytes([0b00_100_100]) + bytes(47)
"""Of an answer in NTPv4."""
NETWORK = """
ip link set lo up
ip link add d0 type veth peer name d1
ip addr add 10.9.9.1/24 dev d0
ip link set d0 up
ip link set d1 up
ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:02 dev d0
mount -t tmpfs none /var/lib
"""


def shell(script: str, *words: str) -> None:
    """Run a script, as root of the namespace."""
    subprocess.run(["sh", "-ec", script, "sh", *words], check=True)


def seconds_for_each(channel: socket.socket, ids: list[int]) -> float:
    """Send an answer for each id; return the CPU seconds for one."""
    packets = [HEADER + id_.to_bytes(4, "big") + bytes(16) for id_ in ids]
    begin = os.times()
    for packet in packets:
        channel.send(packet)
    end = os.times()
    return (end.user + end.system - begin.user - begin.system) / len(packets)


def main() -> None:
    """Print the medians of some runs."""
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        sys.exit("run it in a namespace of its own: unshare -n -m python -m benchmarks.key_usage")
    shell(NETWORK)
    ids = [random.randrange(1, KEYS + 1) for _ in range(ANSWERS)]  # noqa: S311 -- no secrets
    plain, counted = [], []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("10.9.9.1", 123))
        channel.connect(("10.9.9.2", 9999))
        for _ in range(RUNS):
            plain.append(seconds_for_each(channel, ids))
            shell(scripts.text("key_usage"), "load")
            # Each id is new to the table the first time.
            seconds_for_each(channel, list(range(1, KEYS + 1)))
            counted.append(seconds_for_each(channel, ids))
            shell(scripts.text("key_usage"), "unload")
    more = median(counted) - median(plain)
    print(
        f"an answer without the table: {median(plain) * 1e6:.2f} µs of CPU time, with it {median(counted) * 1e6:.2f} µs"
    )
    print(f"at {REQUESTS:,} requests a second, counting takes {more * REQUESTS:.2%} of a core")


if __name__ == "__main__":
    main()
