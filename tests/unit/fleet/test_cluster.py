"""The wait for a result of a cluster, with Dask's own code; integration/ has the rest with a scheduler and workers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs Dask")

from distributed.utils import LoopRunner, sync

from provision.common.errors import ClusterFailed
from provision.fleet import cluster
from provision.fleet.cluster import ASK_TIMES, Cluster


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ASK_AGAIN_SECONDS", 0)


@pytest.fixture
def loop() -> Iterator[Any]:
    runner = LoopRunner()
    runner.start()
    yield runner.loop
    runner.stop()


class Shared:
    """Something that Dask is asked for, and that others cancel the first few times."""

    def __init__(self, loop: Any, answer: Any, *, cancelled: int) -> None:
        self.loop, self.answer, self.cancelled = loop, answer, cancelled
        self.looks = 0

    async def _answer(self) -> Any:
        self.looks += 1
        if self.looks <= self.cancelled:
            raise asyncio.CancelledError
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def ask(self, timeout: float = 5) -> Any:
        return sync(self.loop, self._answer, callback_timeout=timeout)


class Client:
    """A client that says which threads its workers have."""

    def __init__(self, threads: Shared) -> None:
        self.nthreads = threads.ask


class Future:
    """A future that has a result, or has none yet."""

    def __init__(self, transfer: Shared) -> None:
        self.result = transfer.ask


def awaited(transfer: Shared, threads: Shared) -> bytes:
    return Cluster(Client(threads), "tcp://127.0.0.1:1")._await(Future(transfer))


def test_a_transfer_that_another_result_has_cancelled_is_tried_again(loop: Any) -> None:
    transfer = Shared(loop, b"result", cancelled=ASK_TIMES - 1)
    assert awaited(transfer, Shared(loop, {}, cancelled=0)) == b"result"
    assert transfer.looks == ASK_TIMES


def test_a_transfer_that_is_cancelled_each_time_is_a_bug_and_ends_the_wait(loop: Any) -> None:
    transfer = Shared(loop, b"result", cancelled=1000)
    with pytest.raises(UnboundLocalError):
        awaited(transfer, Shared(loop, {}, cancelled=0))
    assert transfer.looks == ASK_TIMES


def test_the_question_for_workers_is_asked_again_too(loop: Any) -> None:
    transfer, threads = Shared(loop, TimeoutError(), cancelled=0), Shared(loop, {}, cancelled=1)
    with pytest.raises(ClusterFailed, match="no worker is left"):
        awaited(transfer, threads)
    assert threads.looks == transfer.looks + 1
