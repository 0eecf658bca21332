"""The room for many hosts at a time on this machine, or the reason why there is none."""

import resource
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from provision.common.errors import SiteError
from provision.deploy.verify import verify
from provision.fleet import capacity
from provision.fleet.capacity import FILES, OWN_FILES, provide
from provision.fleet.executor import Fleet
from provision.host.target import parse_target
from tests.helpers.booted_hosts import ROOT
from tests.helpers.command_secrets import make_secrets
from tests.helpers.host_settings import make_settings

PROVIDE = """
import resource, sys
from provision.common.errors import SiteError
from provision.fleet.capacity import provide
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[3])))
try:
    provide(int(sys.argv[1]), "use --parallel")
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
except SiteError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("hosts", "limits", "said"),
    [
        pytest.param(16, (1024, 1024), "1024 1024", id="the limit is high enough"),
        pytest.param(200, (256, 1024), f"{OWN_FILES + 200 * FILES} 1024", id="it is raised as far as needed"),
        pytest.param(246, (1024, 1024), "1024 1024", id="the most hosts"),
        pytest.param(
            247,
            (256, 1024),
            "247 hosts at a time need up to 1028 open files, and this machine allows 1024: use --parallel 246, or "
            "raise the limit (ulimit -n)",
            id="it cannot be raised",
        ),
        pytest.param(
            16,
            (32, 32),
            "16 hosts at a time need up to 104 open files, and this machine allows 32: use --parallel 1, or raise the "
            "limit (ulimit -n)",
            id="one host at a time is always tried",
        ),
    ],
)
def test_the_limit_of_open_files_is_raised_or_the_run_is_refused(
    hosts: int, limits: tuple[int, int], said: str
) -> None:
    words = [str(word) for word in (hosts, *limits)]
    command = [sys.executable, "-c", PROVIDE, *words]
    done = subprocess.run(command, check=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == f"{said}\n"


def test_a_system_that_allows_less_than_it_says_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(SiteError, match=r"this machine allows 256: use --parallel 54, or raise"):
        provide(200, "use --parallel")


@pytest.mark.parametrize(("parallel", "hosts", "wanted"), [(1000, 3, 3), (2, 3, 2)])
def test_a_run_asks_for_as_many_hosts_as_it_works_on_at_a_time(
    parallel: int, hosts: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: int, _: str) -> None:
        raise SiteError(f"asked for {asked}")

    monkeypatch.setattr(capacity, "provide", refuse)
    settings = make_settings()
    pairs = [(parse_target(f"h{number}"), settings) for number in range(hosts)]
    fleet = Fleet(parallel=parallel, max_failures=None, scheduler="")
    with pytest.raises(SiteError, match=f"asked for {wanted}$"):
        fleet.run(verify, pairs, make_secrets(), rolling=False)


def test_a_run_for_which_the_system_has_too_few_threads_is_refused_and_leaves_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, start = threading.active_count(), threading.Thread.start
    started = 0

    def limited(thread: threading.Thread) -> None:
        nonlocal started
        if started == 75:
            raise RuntimeError("can't start new thread")
        started += 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    with pytest.raises(SiteError) as refused:
        provide(16, "use --parallel")
    assert str(refused.value) == (
        "16 hosts at a time need up to 96 threads, and this machine allows 75 more: use --parallel 12, or raise the "
        "limit of processes (ulimit -u, pids.max of the cgroup)"
    )
    assert threading.active_count() == before


def test_an_error_about_something_else_is_not_taken_for_too_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("thread already started")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match=r"^thread already started$"):
        provide(16, "use --parallel")


def test_a_thread_that_is_refused_later_ends_the_run_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuse)
    pairs = [(parse_target(name), make_settings()) for name in ("a", "b")]
    kept: list[object] = []
    with pytest.raises(
        SiteError, match=r"^this machine: can't start new thread; raise the limit of processes .*--parallel$"
    ):
        Fleet(parallel=2, max_failures=None, scheduler="").run(
            verify, pairs, make_secrets(), rolling=False, keep=kept.extend
        )
    assert len(kept) == 2
