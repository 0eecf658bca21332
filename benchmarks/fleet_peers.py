"""Another tool that deploys to a fleet: to one host, of which the others become copies."""

import subprocess
import time
from collections.abc import Sequence

from benchmarks.booted_fleet import Fleet, let_in, say
from benchmarks.contenders import Ansible, Contender, Pyinfra
from benchmarks.hosts import SUITE, BenchError, Host, Spent, measured
from provision.host.sandbox import sandbox


def deploy_once(peer: Contender, hosts: Sequence[Host]) -> None:
    """Have a peer deploy to one host, and the others become as it is, without as many compilers."""
    first, *others = hosts
    peer.prepare(first)
    peer.deploy(first)
    for host in hosts:
        power_off(host)
    for host in others:
        become(host, first)
    for host in hosts:
        sandbox.up(host.sandbox.name, SUITE, say=say)
        host.ssh("systemctl is-system-running --wait || true")
    let_in(hosts)
    with (first.folder / "known_hosts").open("a") as file:
        file.writelines(f"{host.address} {host.sandbox.host_key}\n" for host in others)


def power_off(host: Host) -> None:
    """Stop a host; it keeps its files."""
    host.ssh("systemctl poweroff --no-block")
    for _ in range(300):
        if sandbox.pid_of(host.sandbox) is None:
            return
        time.sleep(0.1)
    raise BenchError(f"{host.sandbox.name} does not stop")


OWN = (
    "etc/ssh",
    "etc/machine-id",
    "etc/hostname",
    "etc/hosts",
    "root/.ssh",
    "run",
    "tmp",
    "var/log",
    "var/lib/systemd",
)
"""What a host has for itself."""


def become(host: Host, other: Host) -> None:
    """Have a stopped host become as another one, but for its name and its keys."""
    there, here = (one.sandbox.root.parent / "upper" for one in (other, host))
    own = [word for path in OWN for word in ("--exclude", f"./{path}")]
    with subprocess.Popen(
        ("tar", "--xattrs", "--xattrs-include=*", "-C", there, *own, "-cf", "-", "."), stdout=subprocess.PIPE
    ) as packed:
        subprocess.run(
            ("tar", "--xattrs", "--xattrs-include=*", "-C", here, "-xpf", "-"), stdin=packed.stdout, check=True
        )


def again(peer: Ansible | Pyinfra, made: Fleet) -> Spent:
    """Have a peer do it again on all hosts; BenchError where it changes something."""
    first, *others = made.hosts
    spent = measured(*peer.command(first, *others), cwd=first.folder, env=peer.environment(first))
    said = (first.folder / "output").read_text()
    recaps = [
        words for words in map(str.split, said.splitlines()) if any(word.startswith("changed=") for word in words)
    ]
    if isinstance(peer, Ansible) and (len(recaps) != len(made.hosts) or any("changed=0" not in one for one in recaps)):
        raise BenchError(f"ansible changed something:\n{said[-3000:]}")
    return spent
