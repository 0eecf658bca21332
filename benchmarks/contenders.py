"""Those who do the work: Debian packages, Nettle and chrony from source, configuration, keys, unit, service."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from benchmarks.clocked import CLOCK
from benchmarks.figures import ANSIBLE, GUIDE, PYINFRA, REMOTE, TOOL, TRIPS
from benchmarks.hosts import Host, run
from provision.keys import Keys, make_key
from provision.keys.source import KeyFile
from tests.helpers.operators import Operator

HERE = Path(__file__).parent
ROOT = HERE.parent


class Contender(Protocol):
    """One way to do the work."""

    name: ClassVar[str]
    repeats: ClassVar[bool] = True
    """It can be run again, and then finds nothing to do."""

    def prepare(self, host: Host) -> None:
        """Do what is not measured."""

    def deploy(self, host: Host) -> None:
        """Do the work, or find it done; this is measured."""

    def counts(self, host: Host) -> Mapping[str, float]:  # noqa: ARG002 -- most have none
        """Return what else the deployment before told, by what it is."""
        return {}


@dataclass(frozen=True, slots=True)
class Tool(Contender):
    """``inv deploy``, in a process of its own and with an operator's folders of its own.

    No site.toml lies there, nor an artifact: the first deployment compiles, and makes the key. Its commands are clocked
    on the host.
    """

    name: ClassVar[str] = TOOL

    def prepare(self, host: Host) -> None:
        """Do nothing: the tarballs are in the store."""

    def deploy(self, host: Host) -> None:
        """Run ``inv deploy``."""
        clocked = (sys.executable, "-m", "benchmarks.clocked")
        inv = (str(Path(sys.executable).with_name("inv")),)
        first = not self._report(host).exists()
        self._deploy(host, *(clocked if first else inv))

    def switch(self, host: Host, number: int) -> None:
        """Deploy another configuration."""
        site = host.folder / "other.toml"
        site.write_text(f"[time]\nmaxdistance = {number + 4}\n")
        self._deploy(host, str(Path(sys.executable).with_name("inv")), site="other.toml")

    def _deploy(self, host: Host, *program: str, site: str = "") -> None:
        run(
            *program,
            *("--search-root", ROOT, "deploy", "--host", f"sandbox:{host.sandbox.name}", "--json", self._report(host)),
            *(("--site", site) if site else ()),
            cwd=host.folder,
            env={**Operator(host.folder).environment, "PYTHONPATH": str(ROOT)},
        )

    def counts(self, host: Host) -> Mapping[str, float]:
        """Return the round trips, and the seconds of the first deployment's commands on the host."""
        (report,) = json.loads(self._report(host).read_text())["hosts"]
        if not report["changed"]:
            return {TRIPS: report["round_trips"]}
        nanoseconds = map(int, host.ssh("cat", CLOCK).split())
        return {REMOTE: sum(nanoseconds) / 1e9}

    def _report(self, host: Host) -> Path:
        return host.folder / "report.json"


@dataclass(frozen=True, slots=True)
class Guide(Contender):
    """The manual procedure as one script over ssh; see the head of guide.sh."""

    tarballs: tuple[Path, ...]
    name: ClassVar[str] = GUIDE
    repeats: ClassVar[bool] = False

    def prepare(self, host: Host) -> None:
        """Copy the tarballs: its own ways to them would need the Internet."""
        host.copy(*self.tarballs, to="/root/tarballs")

    def deploy(self, host: Host) -> None:
        """Run the script."""
        host.ssh("sh", "-s", "/root/tarballs", "no", stdin=(HERE / "guide.sh").read_text())


@dataclass(frozen=True, slots=True)
class Ansible(Contender):
    """A playbook, with pipelining and a connection that is kept."""

    bin: Path
    values: Mapping[str, str]
    name: ClassVar[str] = ANSIBLE

    def prepare(self, host: Host) -> None:
        """Make a key, and install the Python that Ansible needs on the host."""
        _make_key(host)
        host.ssh(
            "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends python3"
        )

    def deploy(self, host: Host) -> None:
        """Run the playbook."""
        run(*self.command(host), cwd=host.folder, env=self.environment(host))

    def command(self, host: Host, *others: Host) -> tuple[str | Path, ...]:
        """Return the command that does it on a host, and on others that have the same key and known_hosts."""
        addresses = [one.address for one in (host, *others)]
        return (
            self.bin / "ansible-playbook",
            *("--inventory", f"{','.join(addresses)},", "--user", "root", "--private-key", host.sandbox.key),
            *("--ssh-common-args", f"-o UserKnownHostsFile={host.known_hosts}"),
            *("--extra-vars", json.dumps(_values(self.values, host))),
            *("--forks", str(len(addresses))),
            HERE / "ansible" / "chrony.yml",
        )

    def environment(self, host: Host) -> Mapping[str, str]:
        """Return the variables that it needs."""
        return {
            "ANSIBLE_CONFIG": str(HERE / "ansible" / "ansible.cfg"),
            "ANSIBLE_HOME": str(host.folder / "ansible"),
        }


@dataclass(frozen=True, slots=True)
class Pyinfra(Contender):
    """A deploy of pyinfra's."""

    bin: Path
    values: Mapping[str, str]
    name: ClassVar[str] = PYINFRA

    def prepare(self, host: Host) -> None:
        """Make a key."""
        _make_key(host)

    def deploy(self, host: Host) -> None:
        """Run the deploy."""
        run(*self.command(host), cwd=host.folder)

    def command(self, host: Host, *others: Host) -> tuple[str | Path, ...]:
        """Return the command that does it on a host, and on others that have the same key and known_hosts, at once."""
        connection = {"ssh_known_hosts_file": str(host.known_hosts), "ssh_strict_host_key_checking": "yes"}
        data = _values(self.values, host) | connection
        return (
            self.bin / "pyinfra",
            *(",".join(one.address for one in (host, *others)), "--yes", "--user", "root", "--key", host.sandbox.key),
            *(word for name, value in data.items() for word in ("--data", f"{name}={value}")),
            HERE / "pyinfra" / "deploy.py",
        )

    def environment(self, host: Host) -> Mapping[str, str]:  # noqa: ARG002 -- as Ansible's
        """Return the variables that it needs."""
        return {}


def _key_file(host: Host) -> Path:
    return host.folder / "chrony.keys"


def _make_key(host: Host) -> None:
    KeyFile(_key_file(host)).create(Keys((make_key(1, "AES128"),)))


def _values(tarballs: Mapping[str, str], host: Host) -> dict[str, str]:
    """Return what playbook and deploy are given: nettle, chrony, key_file, time_source."""
    return {**tarballs, "key_file": str(_key_file(host)), "time_source": host.time_source}
