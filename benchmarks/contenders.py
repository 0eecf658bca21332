"""Those who do the work: Debian packages, Nettle and chrony from source, configuration, keys, unit, service."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from benchmarks import imports
from benchmarks.clocked import CLOCK
from benchmarks.figures import ANSIBLE, ARTIFACT, FIRST, GUIDE, PYINFRA, SANDBOX, TOOL, TRIPS, remote
from benchmarks.hosts import Host, run
from provision.keys import Keys, make_key
from provision.keys.source import KeyFile
from tests.helpers.operators import Operator

CLOCKED = (sys.executable, "-m", "benchmarks.clocked")
HERE = Path(__file__).parent
ROOT = HERE.parent


class Contender(Protocol):
    """One way to do the work."""

    name: ClassVar[str]
    repeats: ClassVar[bool] = True
    """It can be run again, and then finds nothing to do."""
    first: ClassVar[str] = FIRST
    """The title of the table's row with its first deployment."""

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

    No site.toml lies there, nor an artifact: the first deployment compiles. Its commands are clocked on the host.
    """

    name: ClassVar[str] = TOOL
    site: ClassVar[str] = ""
    """The name of the site file of the first deployment; empty: none."""

    def prepare(self, host: Host) -> None:
        """Make a key; the tarballs are in the store."""
        _make_key(Operator(host.folder).key_file)

    def deploy(self, host: Host) -> None:
        """Run ``inv deploy``."""
        if self._report(host).exists():
            self._deploy(host, str(Path(sys.executable).with_name("inv")))
        else:
            self._deploy(host, *CLOCKED, site=self.site)

    def switch(self, host: Host, number: int) -> None:
        """Deploy another configuration."""
        site = host.folder / "other.toml"
        site.write_text(f"[time]\nmaxdistance = {number + 4}\n")
        self._deploy(host, str(Path(sys.executable).with_name("inv")), site="other.toml")

    def import_times(self, host: Host) -> dict[str, int]:
        """Return the microseconds of each module that a run without changes imports."""
        return imports.parse_import_times(self._deploy(host, *imports.program()))

    def _deploy(self, host: Host, *program: str, site: str = "") -> str:
        return run(
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
        return {remote(self.first): sum(nanoseconds) / 1e9}

    def _report(self, host: Host) -> Path:
        return host.folder / "report.json"


@dataclass(frozen=True, slots=True)
class FromSandbox(Tool):
    """The same, with a site by which a sandbox of this machine compiles."""

    repeats: ClassVar[bool] = False
    first: ClassVar[str] = SANDBOX
    site: ClassVar[str] = "sandbox.toml"

    def prepare(self, host: Host) -> None:
        """Make a key, and write the site file."""
        Tool.prepare(self, host)
        (host.folder / self.site).write_text('build.on = "sandbox"\n')


@dataclass(frozen=True, slots=True)
class FromArtifact(Tool):
    """The same, by an operator who has the artifact."""

    artifacts: Path
    repeats: ClassVar[bool] = False
    first: ClassVar[str] = ARTIFACT

    def prepare(self, host: Host) -> None:
        """Make a key, and copy the artifact."""
        Tool.prepare(self, host)
        shutil.copytree(self.artifacts, Operator(host.folder).artifacts)


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
        _make_key(_key_file(host))
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
        _make_key(_key_file(host))

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


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    KeyFile(file).create(Keys((make_key(1, "AES128"),)))


def _values(tarballs: Mapping[str, str], host: Host) -> dict[str, str]:
    """Return what playbook and deploy are given: nettle, chrony, key_file, time_source."""
    return {**tarballs, "key_file": str(_key_file(host)), "time_source": host.time_source}
