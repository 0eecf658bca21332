"""What goes wrong on the way to a build, on a host that is bare until the last tests: each has a line of its own."""

import json
import random
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provision.build.fetch.store import Store
from provision.chrony.releases import DEFAULT_CHRONY, DEFAULT_NETTLE, find
from provision.host.paths import ROOT
from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import booted, login
from tests.helpers.cable import Cable
from tests.helpers.host_state import builds, files_of, pid, work_folders
from tests.helpers.operators import HOST_COMPILES, Operator, Ran
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

SIGNATURES = Path(__file__).parents[1] / "cases/signatures"
CHRONY, NETTLE = find("chrony", DEFAULT_CHRONY), find("nettle", DEFAULT_NETTLE)


@pytest.fixture(scope="module")
def bare() -> Iterator[Sandbox]:
    with booted("it-bare") as host:
        yield host


@pytest.fixture
def operator(bare: Sandbox, tmp_path: Path) -> Operator:
    one = Operator(tmp_path / "home")
    one.home.mkdir()
    one.meet(bare)
    return one


@pytest.fixture
def untouched(bare: Sandbox) -> Iterator[None]:
    """The test must leave the host as it was."""
    before = files_of(bare)
    yield
    assert files_of(bare) == before


@pytest.fixture
def tarballs(deployed: Deployed, tmp_path: Path) -> Path:
    """A folder for --sources; that a host is deployed means that the store has both tarballs."""
    assert deployed.first.status == 0
    folder = tmp_path / "tarballs"
    folder.mkdir()
    for release in (CHRONY, NETTLE):
        (folder / release.filename).write_bytes((Store.default().folder / release.filename).read_bytes())
    return folder


def deploy(operator: Operator, bare: Sandbox, *words: str, site: str = HOST_COMPILES, **environment: str) -> Ran:
    return operator.run("deploy", f"--host=root@{bare.address}", operator.site(site), *words, **environment)


@contextmanager
def done_and_undone(host: Sandbox, do: str, undo: str) -> Iterator[None]:
    login(host, do)
    try:
        yield
    finally:
        login(host, undo)


@pytest.mark.usefixtures("untouched")
def test_a_tarball_with_one_flipped_byte(bare: Sandbox, operator: Operator, tarballs: Path, tmp_path: Path) -> None:
    data = bytearray((tarballs / CHRONY.filename).read_bytes())
    data[len(data) // 2] ^= 1
    (tarballs / CHRONY.filename).write_bytes(data)
    ran = deploy(operator, bare, f"--sources={tarballs}", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert ran.status == 2
    assert f"{CHRONY}: --sources {tarballs}: sha256 is " in ran.error
    assert f"expected {CHRONY.sha256}; replace the file, or remove it" in ran.error
    assert list(tmp_path.glob("cache/**/chrony-*.tar.gz")) == []


@pytest.mark.usefixtures("untouched")
def test_a_tarball_with_the_signature_of_another(
    bare: Sandbox, operator: Operator, tarballs: Path, tmp_path: Path
) -> None:
    wrong = (SIGNATURES / "chrony_4.6.1.orig.tar.gz.asc").read_bytes()
    (tarballs / f"{CHRONY.filename}.asc").write_bytes(wrong)
    ran = deploy(operator, bare, f"--sources={tarballs}", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert ran.status == 2
    assert f"{CHRONY}: --sources {tarballs}: the signature says that it is by {CHRONY.signer}" in ran.error
    assert "does not fit the file; nothing was kept" in ran.error
    assert list(tmp_path.glob("cache/**/chrony-*.tar.gz")) == []


@pytest.mark.usefixtures("untouched")
def test_a_release_that_no_place_has(bare: Sandbox, operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    site = f'[release]\nchrony = "4.9.99"\nsha256.chrony = "{"0" * 64}"\n{HOST_COMPILES}'
    ran = deploy(operator, bare, f"--sources={tmp_path}/empty", site=site)
    assert ran.status == 2
    assert "chrony 4.9.99: not to be had: " in ran.error
    assert f"--sources {tmp_path}/empty: neither chrony-4.9.99.tar.gz nor chrony_4.9.99.orig.tar.gz" in ran.error
    assert "chrony-project.org: " in ran.error
    assert "put chrony-4.9.99.tar.gz into a folder and give it with --sources" in ran.error


def test_neither_a_compiler_nor_a_package_manager(bare: Sandbox, operator: Operator) -> None:
    with done_and_undone(bare, "mv /usr/bin/apt-get /root/", "mv /root/apt-get /usr/bin/"):
        ran = deploy(operator, bare)
    assert ran.status == 2
    assert "no cc, make, m4, pkg-config, and no package manager that we know" in ran.error
    assert not (bare.root / ROOT.lstrip("/")).exists()


@pytest.mark.usefixtures("untouched")
def test_a_plan_for_a_bare_host_names_every_step_and_changes_nothing(bare: Sandbox, operator: Operator) -> None:
    plan = operator.run("plan", f"--host=root@{bare.address}", operator.site(HOST_COMPILES))
    assert plan.status == 3
    # Facts, the keys that the host has, and the survey.
    assert plan.report["round_trips"] == 3
    assert len(plan.pending) >= 6
    assert all(plan.pending.values()), "each with its reason"
    assert "would make key 1 (AES128) and keep it there" in " ".join(plan.report["notes"])
    assert not operator.key_file.exists()


def test_verify_of_a_bare_host_says_that_nothing_runs(bare: Sandbox, operator: Operator) -> None:
    ran = operator.run("verify", f"--host=root@{bare.address}", operator.site(HOST_COMPILES))
    assert ran.status == 1
    assert ran.error.endswith("nothing is deployed here; inv deploy deploys")


IN_THE_WAY = [
    pytest.param(f"mount -t tmpfs -o noexec,mode=755 small {ROOT}/work", f"umount {ROOT}/work", "noexec", id="noexec"),
    pytest.param(
        f"mount -t tmpfs -o ro,mode=755 small {ROOT}/work", f"umount {ROOT}/work", "read-only", id="read-only"
    ),
    pytest.param("mount --bind /etc /etc; mount -o remount,bind,ro /etc", "umount /etc", "/etc is", id="/etc"),
]


@pytest.mark.parametrize(("do", "undo", "words"), IN_THE_WAY)
def test_a_file_system_that_takes_no_build_or_unit(
    bare: Sandbox, operator: Operator, do: str, undo: str, words: str
) -> None:
    with done_and_undone(bare, f"mkdir -p {ROOT}/work; {do}", undo):
        ran = deploy(operator, bare)
    assert ran.status == 1
    assert "nothing was changed: " in ran.error
    assert words in ran.error
    assert login(bare, "command -v gcc || echo none") == "none\n"


def test_no_space_for_the_build(bare: Sandbox, operator: Operator) -> None:
    small = f"mkdir -p {ROOT}/work; mount -t tmpfs -o size=20m,mode=755 small {ROOT}/work"
    with done_and_undone(bare, small, f"umount {ROOT}/work"):
        ran = deploy(operator, bare)
    assert ran.status == 1, "packages were installed"
    assert "no space left: /opt/chrony/work has 20 MB free, a build needs " in ran.error
    assert builds(bare) == set()


def test_ctrl_c_during_the_build_leaves_no_work_folder(bare: Sandbox, operator: Operator) -> None:
    process = operator.start("deploy", f"--host=root@{bare.address}", operator.site(HOST_COMPILES))
    operator.await_log(process, "--- building nettle")
    process.send_signal(signal.SIGINT)
    ran = operator.end(process)
    assert ran.status != 0
    assert ran.errors == "interrupted; run the same command again to complete it\n"
    assert "nettle.pc" not in operator.log, "it did not wait for the command on the host to end"
    assert work_folders(bare) == []
    assert login(bare, "pgrep -x make || true") == ""
    assert builds(bare) == set()


def test_a_connection_that_is_cut_during_the_build(bare: Sandbox, operator: Operator) -> None:
    cable = Cable(bare)
    operator.known_hosts.write_text(cable.known_host)
    process = operator.start("deploy", cable.target, operator.site(HOST_COMPILES))
    operator.await_log(process, "--- building nettle")
    cable.cut()
    ran = operator.end(process)
    assert ran.status == 1, "commands were sent that change the host"
    assert "run the same command again to complete it" in ran.error
    assert builds(bare) == set()
    assert pid(bare) == 0


def test_after_all_that_the_next_run_completes(bare: Sandbox, operator: Operator) -> None:
    ran = deploy(operator, bare)
    ran.assert_proven()
    (build,) = builds(bare)
    assert next(iter(ran.changed)) == "build", "the packages were there already"
    assert (bare.root / "opt/chrony/builds" / build / "receipt.json").exists()


def test_two_hosts_build_the_same_bytes(bare: Sandbox, deployed: Deployed) -> None:
    def sums(host: Sandbox) -> str:
        return login(host, f"cd {ROOT}/builds && sha256sum */sbin/chronyd */bin/chronyc")

    assert sums(bare) == sums(deployed.host)
    assert len(sums(bare).splitlines()) == 2


def test_no_space_for_a_new_configuration(bare: Sandbox, operator: Operator) -> None:
    before = pid(bare)
    # It travels compressed, so it has to be one that hardly can be.
    chance = random.Random(1)  # noqa: S311 -- the same each time
    networks = [f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}" for _ in range(2000)]
    site = f"time.maxupdateskew = 40.0\nserve.allow = {json.dumps(networks)}\n{HOST_COMPILES}"
    with done_and_undone(bare, f"mount -t tmpfs -o size=4k,mode=755 small {ROOT}/work", f"umount {ROOT}/work"):
        ran = deploy(operator, bare, site=site)
    assert ran.status == 1
    assert "no space" in ran.error.lower()
    assert pid(bare) == before


def test_a_build_that_was_damaged_is_made_again(bare: Sandbox, operator: Operator) -> None:
    login(bare, f"echo >> {ROOT}/builds/*/bin/chronyc")
    plan = operator.run("plan", f"--host=root@{bare.address}", operator.site(HOST_COMPILES))
    assert plan.pending["build"] == "bin/chronyc has another content; compiled here"


HOLD_LOCK = """
cat >/root/hold.pl <<'END'
open F, "+>>", "/var/lib/apt/lists/lock" or die "open: $!";
my $lock = pack("s s x4 q q l x4", 1, 0, 0, 0, 0);
fcntl F, 6, $lock or die "lock: $!";
$| = 1;
print "held\\n";
select undef, undef, undef, 0.1 until -e "/root/released";
END
dpkg -r --force-depends libedit2 >/dev/null 2>&1
rm -rf /var/lib/apt/lists/* /opt/chrony/builds/*
mkfifo /root/held
setsid perl /root/hold.pl >/root/held 2>&1 </dev/null &
cat_one() { read -r line </root/held; echo "$line"; }
cat_one
"""
"""Hold the lock of apt's lists, as apt-daily does (fcntl(2): 6 is F_SETLK), where a library is to be installed."""


def test_a_lock_of_another_program_is_waited_for(bare: Sandbox, operator: Operator, deployed: Deployed) -> None:
    shutil.copytree(deployed.operator.artifacts, operator.artifacts)
    assert login(bare, HOLD_LOCK).strip() == "held"
    process = operator.start("deploy", f"--host=root@{bare.address}", operator.site(HOST_COMPILES))
    operator.await_log(process, "waiting up to 300 s for another program that installs packages: E: Could not get lock")
    login(bare, "touch /root/released")
    operator.end(process).assert_proven()


def test_ctrl_c_in_the_switch_says_when_the_host_rolls_back(bare: Sandbox, operator: Operator) -> None:
    words = ("deploy", f"--host=root@{bare.address}", operator.site(f"time.maxupdateskew = 77.0\n{HOST_COMPILES}"))
    process = operator.start(*words, "--confirm-timeout=90")
    operator.await_log(process, "--- switching")
    process.send_signal(signal.SIGINT)
    ran = operator.end(process)
    assert ran.status == 130
    assert re.search(r"interrupted; .*; the switch to generation \w{16} was begun and is not confirmed: ", ran.output)
    waits = datetime.fromisoformat(ran.report["reverts_by"]) - datetime.now(UTC)
    assert 0 < waits.total_seconds() <= 90
    completed = operator.run(*words)
    completed.assert_proven()
    assert completed.report["reverts_by"] is None
