"""The wait for a result of a cluster, with Dask's own code; integration/ has the rest with a scheduler and workers."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("distributed", reason="needs Dask")

from distributed.utils import LoopRunner, sync

from provision.fleet.cluster import Cluster


@pytest.fixture
def loop() -> Iterator[Any]:
    runner = LoopRunner()
    runner.start()
    yield runner.loop
    runner.stop()


class Client:
    """A client whose scheduler has one worker."""

    def nthreads(self) -> dict[str, int]:
        return {"tcp://127.0.0.1:1": 4}


class Future:
    """A future whose transfer is cancelled first, by another one that shares it."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.looks = 0

    async def _result(self) -> bytes:
        self.looks += 1
        if self.looks == 1:
            raise asyncio.CancelledError
        return b"result"

    def result(self, timeout: float) -> Any:
        return sync(self.loop, self._result, callback_timeout=timeout)


def test_a_transfer_that_another_result_has_cancelled_is_tried_again(loop: Any) -> None:
    future = Future(loop)
    assert Cluster(Client(), "tcp://127.0.0.1:1")._await(future) == b"result"
    assert future.looks == 2
