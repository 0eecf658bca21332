"""Hosts that the workers of a Dask cluster deploy: as from one machine, whoever dies, and no key is to be seen."""

import base64
import itertools
import os
import re
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login, need_root
from tests.helpers.dask_cluster import ALL, WORDS, DaskCluster, dask_cluster
from tests.helpers.host_state import builds, find, pid, work_folders
from tests.helpers.host_under_test import SMALL
from tests.helpers.operators import TIME_SOURCE, Operator, Ran
from tests.helpers.samples import read_keys
from tests.helpers.waiting import await_true

pytest.importorskip("distributed")
pytestmark = pytest.mark.integration

PREFIX = "it-cluster-"
NAMES = ("server", "client")
WORKERS = ("one", "two")
COMPILING = "--- building chrony"
MOST_DRAWINGS = 4
PASSWORD = "rolling-thunder-over-oslo"  # noqa: S105 -- of no use, and easy to find
KEYS = f"1 AES128 HEX:C3A1F00D5EEDFACE8BADF00D7E57AB1E\n3 SHA1 ASCII:{PASSWORD}\n"
OTHER = "--chrony=4.6.1"
"""Another recipe."""
SKEWS = itertools.count(100)
"""A site with another maxupdateskew is another generation."""


@dataclass(slots=True)
class Seen:
    """Where a secret was seen, in whatever way it is written, and what was looked at."""

    ways: frozenset[bytes]
    places: set[str] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)
    telling: set[str] = field(default_factory=set)
    """Those that name a task of ours, and so tell what goes on."""

    def look(self, place: str, data: bytes) -> None:
        """Look at something."""
        self.looked_at.add(place)
        if b"server-chrony-provision" in data:
            self.telling.add(place)
        if any(way in data for way in self.ways):
            self.places.add(place)

    def look_below(self, folder: Path, *but: Path) -> None:
        """Look at each file in a folder."""
        for name in find(folder, "*"):
            path = folder / name
            # It may be gone meanwhile.
            with suppress(OSError):
                if path.is_file() and not path.is_symlink() and path not in but:
                    self.look(str(path), path.read_bytes())

    def look_at_pages(self, pages: Mapping[str, bytes]) -> None:
        """Look at what a dashboard shows."""
        for page, said in pages.items():
            self.look(page, said)

    def look_at_processes(self) -> None:
        """Look at the command line and the environment of all, those on the hosts too."""
        for process, what in itertools.product(Path("/proc").glob("[0-9]*"), ("cmdline", "environ")):
            with suppress(OSError):
                self.look(f"process {what}", (process / what).read_bytes())


def ways(secret: bytes) -> Iterator[bytes]:
    """Yield how a secret may be written."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield base64.b64encode(secret).rstrip(b"=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two hosts, an operator who may log in, and a cluster whose workers may."""

    operator: Operator
    cluster: DaskCluster
    hosts: dict[str, Sandbox]

    def option(self, skew: int) -> str:
        return self.operator.site(f"""
time.maxupdateskew = {skew}.0
{SMALL}
[groups.servers]
serve.allow = ["198.18.0.0/15"]
time.servers = [{{ address = "{TIME_SOURCE}", minpoll = 0, maxpoll = 4 }}]
[groups.clients]
serve.role = "client"
time.follows = "servers"
[hosts]
server = {{ group = "servers", host = "root@{self.hosts["server"].address}" }}
client = {{ group = "clients", host = "root@{self.hosts["client"].address}" }}
""")

    @property
    def scheduler(self) -> str:
        return f"--scheduler={self.cluster.address}"

    def start(self, *words: str, skew: int) -> "subprocess.Popen[str]":
        return self.operator.start("deploy", self.option(skew), self.scheduler, *words, TMPDIR=str(self.operator.home))

    def deploy(self, *words: str, skew: int) -> Ran:
        return self.operator.end(self.start(*words, skew=skew))

    def logs(self, name: str) -> str:
        return "".join(path.read_text() for path in sorted(self.operator.logs.glob(f"{name}-*.log")))

    def compiles(self, name: str) -> bool:
        """Say whether a compiler is at work on a host."""
        return any((self.hosts[name].root / "opt/chrony/work").glob("*/build/chrony-*"))

    def at_work(self, name: str) -> str:
        """Return the worker that is connected to a host."""
        for worker in WORKERS:
            process = self.cluster.processes.get(worker)
            if process and f"{self.hosts[name].address}:22" in _connections(process.pid):
                return worker
        return ""

    @contextmanager
    def watched(self) -> Iterator[Seen]:
        """Look at everything, again and again, meanwhile; and at what is there at the end."""
        seen = Seen(frozenset(way for key in self.operator.keys for way in ways(key.secret)))
        enough = threading.Event()

        def look() -> None:
            drawings = MOST_DRAWINGS
            while not enough.wait(0.5):
                seen.look_at_processes()
                seen.look_below(self.cluster.folder)
                seen.look_at_pages(self.cluster.pages(WORDS))
                if drawings and seen.telling and not any(place.startswith("drawn") for place in seen.telling):
                    # Until it draws us: whatever draws keeps the scheduler busy, and hosts here share its processors.
                    drawings -= 1
                    seen.look_at_pages(self.cluster.drawn() | self.cluster.pages(ALL))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            enough.set()
            thread.join()
            seen.look_below(self.cluster.folder)
            seen.look_below(self.operator.home, self.operator.key_file)


def _connections(process: int) -> str:
    """Return the peers of a process, as ss shows them."""
    said = subprocess.run(["ss", "-tnpH"], check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in said.splitlines() if f"pid={process}," in line)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    need_root()
    folder = tmp_path_factory.mktemp("cluster")
    operator = Operator(folder / "operator")
    with ExitStack() as stack:
        hosts = {name: stack.enter_context(booted(f"{PREFIX}{name}")) for name in NAMES}
        operator.home.mkdir()
        operator.key_file.parent.mkdir(parents=True)
        operator.key_file.touch(mode=0o600)
        operator.key_file.write_text(KEYS)
        dask = stack.enter_context(dask_cluster(folder / "cluster"))
        for name in WORKERS:
            acquaint(dask.home(name), hosts)
        dask.start_workers(*WORKERS)
        acquaint(operator.home, hosts)
        yield Stage(operator=operator, cluster=dask, hosts=hosts)


def acquaint(home: Path, hosts: dict[str, Sandbox]) -> None:
    """Let somebody log in to the hosts."""
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, parents=True)
    lines = [f"Host {host.address}\n  IdentityFile {folder}/{name}\n" for name, host in hosts.items()]
    (folder / "config").write_text("".join(lines))
    (folder / "known_hosts").write_text("".join(f"{host.address} {host.host_key}\n" for host in hosts.values()))
    for name, host in hosts.items():
        shutil.copy(host.key, folder / name)


@pytest.fixture(scope="module")
def first(stage: Stage) -> tuple[Ran, Seen]:
    with stage.watched() as seen:
        ran = stage.deploy(skew=100)
    # The stream of tasks draws those that have ended, too: the drawings during the run may all come too early.
    seen.look_at_pages({f"{page} at the end": drawing for page, drawing in stage.cluster.drawn().items()})
    seen.look("what it printed", f"{ran.output}{ran.errors}{ran.reports}".encode())
    return ran, seen


def as_told(ran: Ran) -> list[dict[str, Any]]:
    """Return the reports without what differs between any two runs: measurements, and the log's place."""
    kept = ("host", "address", "platform", "notes", "error", "tried", "ok", "changed", "round_trips")
    return [
        {name: report[name] for name in kept}
        | {"outcomes": report["outcomes"]}
        | {"findings": [(finding["id"], finding["subject"], finding["holds"]) for finding in report["findings"]]}
        for report in ran.reports
    ]


def test_all_hosts_are_ok_and_one_has_compiled(stage: Stage, first: tuple[Ran, Seen]) -> None:
    ran, _ = first
    assert ran.status == 0, ran
    assert [(report["host"], report["ok"]) for report in ran.reports] == [("server", True), ("client", True)]
    assert "2 hosts: 2 ok; 2 changed" in ran.output
    assert re.search(r"^(server|client)  changed      chrony .* built  \(.*  [\d.]+ s$", ran.output, re.MULTILINE)
    assert sum(COMPILING in stage.logs(name) for name in NAMES) == 1
    assert "Authenticated   : Yes" in login(stage.hosts["client"], "chronyc -n ntpdata")


def test_the_client_was_switched_when_the_server_was_proven(first: tuple[Ran, Seen]) -> None:
    ran, _ = first
    switched = re.findall(r"^(\w+) +changed +generation \S+ (running|proven)", ran.output, re.MULTILINE)
    assert [name for name, _ in switched] == ["server", "server", "client", "client"]


def test_no_key_is_to_be_seen_anywhere(stage: Stage, first: tuple[Ran, Seen]) -> None:
    _, seen = first
    assert seen.places == set()
    # And it was looked at where something could have been seen.
    for what in ("/info/worker/", "/info/task/", "/info/call-stack/", "drawn:", "/output"):
        assert any(what in place for place in seen.telling), what
    for what in ("/json/", "/metrics", "/status", "/scratch/", "process environ"):
        assert any(what in place for place in seen.looked_at), what
    key_file = Seen(seen.ways)
    key_file.look_below(stage.operator.key_file.parent)
    assert key_file.places == {str(stage.operator.key_file)}


def test_the_logs_are_here_and_no_file_of_the_run_stays_on_a_worker(stage: Stage, first: tuple[Ran, Seen]) -> None:
    ran, _ = first
    assert len(ran.reports) > 1
    for report in ran.reports:
        path = Path(report["log"])
        assert path.parent == stage.operator.logs
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in WORKERS:
        ours = [path for path in stage.cluster.home(name).rglob("chrony-provision/*") if path.name != "sources"]
        assert ours == []


@pytest.mark.usefixtures("first")
def test_a_second_run_changes_nothing_and_reports_as_one_machine_does(stage: Stage) -> None:
    again = stage.deploy(skew=100)
    assert again.status == 0, again
    assert [(report["changed"], report["round_trips"]) for report in again.reports] == [(0, 3), (0, 3)]
    folder = stage.operator.home / "evidence"
    evidence = (stage.option(100), stage.scheduler, f"--evidence={folder}", "--rules=cis")
    verified = stage.operator.run("verify", *evidence)
    assert (verified.status, "evidence: " in verified.output) == (0, True), verified
    raw = {path.relative_to(folder / "hosts").as_posix(): path.read_text() for path in folder.glob("hosts/*/*.txt")}
    assert {"server/tracking.txt", "client/tracking.txt", "server/requests-from-here.txt"} <= set(raw)
    secrets = Seen(frozenset(way for key in read_keys(stage.operator.key_file) or () for way in ways(key.secret)))
    secrets.look_below(folder)
    assert (secrets.places, len(secrets.looked_at) > 20) == (set(), True)
    shutil.rmtree(stage.operator.artifacts)
    alone = stage.operator.run("deploy", stage.option(100))
    assert as_told(again) == as_told(alone)


@pytest.mark.usefixtures("first")
def test_a_worker_that_dies_while_a_host_compiles_is_replaced(stage: Stage) -> None:
    process = stage.start(OTHER, "--host=server", skew=100)
    await_true(lambda: stage.compiles("server"), "it does not compile")
    worker = stage.at_work("server")
    stage.cluster.kill(worker)
    ran = stage.operator.end(process)
    stage.cluster.start_workers(worker)
    assert ran.status == 0, ran
    ran.assert_proven()
    assert work_folders(stage.hosts["server"]) == []


@pytest.mark.usefixtures("first")
def test_a_worker_that_dies_while_a_host_is_switched_is_replaced(stage: Stage) -> None:
    process = stage.start("--host=server", skew=next(SKEWS) + 1)
    await_true((stage.hosts["server"].root / "opt/chrony/unconfirmed").exists, "it does not switch")
    worker = stage.at_work("server")
    stage.cluster.kill(worker)
    ran = stage.operator.end(process)
    stage.cluster.start_workers(worker)
    assert ran.status == 0, ran
    ran.assert_proven()
    assert pid(stage.hosts["server"]) != 0
    assert not (stage.hosts["server"].root / "opt/chrony/unconfirmed").exists()


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_work_whose_client_is_gone_is_cut_off(stage: Stage, how: signal.Signals) -> None:
    for host in stage.hosts.values():
        login(host, "rm -rf /opt/chrony/builds/chrony-4.6.1-*")
    shutil.rmtree(stage.operator.artifacts, ignore_errors=True)
    process = stage.start(OTHER, skew=100)
    await_true(lambda: any(stage.compiles(name) for name in NAMES), "none compiles")
    os.kill(process.pid, how)
    ran = stage.operator.end(process)
    if how is signal.SIGINT:
        assert (ran.status, ran.errors.strip()) == (130, "interrupted; run the same command again to complete it")
        # It has not waited for the compiler.
        assert not any(name.startswith("chrony-4.6.1-") for host in stage.hosts.values() for name in builds(host))
    await_true(lambda: [work_folders(host) for host in stage.hosts.values()] == [[], []], "a work folder is left")
    again = stage.deploy(OTHER, skew=100)
    assert again.status == 0, again
