"""A Dask cluster, of real processes: what goes there and back, who is refused, and what becomes of who dies."""

import importlib
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provision.common.errors import ClusterFailed, SiteError
from tests.helpers import cluster_jobs
from tests.helpers.booted_hosts import ROOT, inv
from tests.helpers.dask_cluster import DaskCluster, dask_cluster
from tests.helpers.samples import KEYS, SECRET
from tests.helpers.waiting import await_true

pytest.importorskip("distributed")
pytestmark = pytest.mark.integration
cluster = importlib.import_module("provision.fleet.cluster")

if TYPE_CHECKING:
    from provision.fleet.cluster import Cluster


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("cluster"), "one") as one:
        yield one


@pytest.fixture
def joined(dask: DaskCluster) -> Iterator["Cluster"]:
    with cluster.joined(dask.address) as one:
        yield one


def nobody(told: object) -> None:
    raise AssertionError(told)


def call(joined: "Cluster", act: Callable[[Any, Any], Any], given: object, hear: Callable[[Any], None] = nobody) -> Any:
    sent = joined.submit("ntp1", act, given, hear)
    try:
        return joined.result(sent)
    finally:
        sent.drop()


def await_text(path: Path, text: str) -> None:
    await_true(lambda: path.exists() and path.read_text() == text, f"{path} does not say {text!r}")


def test_results_come_back_and_messages_come_before_them(joined: "Cluster") -> None:
    heard: list[Any] = []
    assert call(joined, cluster_jobs.repeats, KEYS, heard.append) == KEYS
    assert heard == [("heard", KEYS)]


def test_an_exception_comes_back_and_is_in_no_log(joined: "Cluster", dask: DaskCluster) -> None:
    with pytest.raises(ZeroDivisionError, match=SECRET) as caught:
        call(joined, cluster_jobs.fails, SECRET)
    assert any("cluster_jobs.py" in note for note in caught.value.__notes__)
    for name in ("scheduler", "one"):
        assert SECRET not in dask.log(name)


def test_dropped_work_is_cut_off(joined: "Cluster", tmp_path: Path) -> None:
    path = tmp_path / "said"
    sent = joined.submit("ntp1", cluster_jobs.waits, path, nobody)
    await_text(path, "begun")
    sent.drop()
    await_text(path, "cut off")
    with pytest.raises(ClusterFailed, match="was lost, and the running work was cut off"):
        joined.result(sent)


def test_the_end_of_a_run_cuts_off_all_of_it_and_takes_the_key_back(dask: DaskCluster, tmp_path: Path) -> None:
    path = tmp_path / "said"
    with cluster.joined(dask.address) as one:
        sent = one.submit("ntp1", cluster_jobs.waits, path, nobody)
        await_text(path, "begun")
    await_text(path, "cut off")
    assert sent.key.split("-", 1)[1].rpartition("-")[0] in dask.log("one").partition("Removing Worker plugin ")[2]


def test_a_control_machine_that_is_gone_cuts_off_all_of_its_run(dask: DaskCluster, tmp_path: Path) -> None:
    path = tmp_path / "said"
    program = (
        "import sys, pathlib; from provision.fleet.cluster import joined; from tests.helpers import cluster_jobs\n"
        "with joined(sys.argv[1]) as one:\n"
        "    one.result(one.submit('ntp1', cluster_jobs.waits, pathlib.Path(sys.argv[2]), print))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, dask.address, str(path)], cwd=ROOT)
    await_text(path, "begun")
    process.send_signal(signal.SIGKILL)
    process.wait()
    await_text(path, "cut off")


def test_a_worker_that_dies_each_time_is_reported_and_not_waited_for(tmp_path: Path) -> None:
    with (
        dask_cluster(tmp_path, "one", "two", DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as dask,
        cluster.joined(dask.address) as one,
    ):
        with pytest.raises(ClusterFailed, match=r"^each worker that took it over died; run the same command again$"):
            call(one, cluster_jobs.dies, 1)
        assert call(one, cluster_jobs.repeats, 1, lambda _: None) == 1


def test_without_any_worker_the_wait_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "LOOK_SECONDS", 1)
    monkeypatch.setattr(cluster, "ALONE_SECONDS", 2)
    with dask_cluster(tmp_path, "one") as dask, cluster.joined(dask.address) as one:
        sent = one.submit("ntp1", cluster_jobs.waits, tmp_path / "said", nobody)
        await_text(tmp_path / "said", "begun")
        dask.kill("one")
        with pytest.raises(ClusterFailed, match=r"^no worker is left at tcp://127"):
            one.result(sent)


def test_a_scheduler_that_is_lost_ends_the_run(tmp_path: Path) -> None:
    with dask_cluster(tmp_path, "one") as dask, cluster.joined(dask.address) as one:
        sent = one.submit("ntp1", cluster_jobs.waits, tmp_path / "said", nobody)
        await_text(tmp_path / "said", "begun")
        dask.kill("scheduler")
        with pytest.raises(ClusterFailed):
            one.result(sent)
        await_text(tmp_path / "said", "cut off")


def test_a_missing_scheduler_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with (
        pytest.raises(SiteError, match=r"^--scheduler tcp://127.0.0.1:9: cannot be reached: .+$"),
        cluster.joined("tcp://127.0.0.1:9"),
    ):
        pass


def test_a_scheduler_without_workers_is_reported(tmp_path: Path) -> None:
    with (
        dask_cluster(tmp_path) as dask,
        pytest.raises(SiteError, match=r"it has no worker; start one: dask worker tcp://"),
        cluster.joined(dask.address),
    ):
        pass


def test_a_worker_with_another_version_is_reported(dask: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "code", lambda: "other")
    with (
        pytest.raises(SiteError, match=r"worker tcp://\S+: has another version of chrony-provision"),
        cluster.joined(dask.address),
    ):
        pass


def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    variables = certificate(tmp_path)
    with dask_cluster(tmp_path / "cluster", "one", scheme="tls", **variables) as dask:
        assert dask.address.startswith("tls://")
        program = (
            "import sys; from provision.fleet.cluster import joined; from tests.helpers import cluster_jobs\n"
            "with joined(sys.argv[1]) as one:\n"
            "    print(one.result(one.submit('ntp1', cluster_jobs.repeats, 'hello', print)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, dask.address],
            cwd=ROOT,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("('heard', 'hello')\nhello\n", 0), done.stderr


def certificate(folder: Path) -> dict[str, str]:
    """Make a certificate that everybody shares, and return the variables by which Dask knows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cluster")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "cluster.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    assert ssl.create_default_context(cafile=path)
    names = ("CA_FILE", *(f"{who}__CERT" for who in ("SCHEDULER", "WORKER", "CLIENT")))
    return {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(path) for name in names} | {
        "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"
    }


def test_the_command_line_hands_over_and_reports_as_without(dask: DaskCluster, tmp_path: Path) -> None:
    """A host that nobody listens on fails there as it does here."""
    home = {name: str(tmp_path / name) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    assert inv("keys.add", env=home).returncode == 0
    words = ("deploy", "--host=root@127.0.0.1:9", "--host=root@localhost:9")
    alone, handed = (inv(*words, *more, env=home) for more in ((), (f"--scheduler={dask.address}",)))
    assert (handed.returncode, handed.stderr) == (alone.returncode, alone.stderr) == (2, "")
    assert bare(handed.stdout) == bare(alone.stdout)
    assert "2 hosts: 2 not tried; nothing changed" in handed.stdout


def bare(text: str) -> list[str]:
    """Return lines without what differs between runs, in any order."""
    return sorted(re.sub(r"\d+\.\d s|-\S+\.log", "", line) for line in text.splitlines())
