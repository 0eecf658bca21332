"""Run functions on the workers of a Dask cluster; arguments and results are encrypted.

Everybody who can reach a cluster can see its tasks: on the dashboard, in logs, and in files if memory is short. A task
is therefore named after its host, and its argument, result, progress and exception are encrypted. The workers receive
the key as a plugin, which stays in memory and is unregistered at the end of the run.
"""

import hashlib
import logging
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import Any, Protocol

from distributed import Client, KilledWorker, Reschedule, Worker, WorkerPlugin, get_worker

from provision.common.errors import ClusterFailed, ClusterLost, SiteError
from provision.fleet.dask_address import check_address, refuse_open
from provision.fleet.encryption import Cipher

CONNECT_SECONDS = 10
CLOSE_SECONDS = 10
LOOK_SECONDS = 5
ALONE_SECONDS = 60
"""A nanny restarts a dead worker within seconds; after this time without any worker, the run gives up."""
ASK_TIMES = 10
"""How often Dask is asked, while others cancel what it shares with them; then it is taken for a bug."""
ASK_AGAIN_SECONDS = 1
TOPIC = "chrony-provision"
"""The topic of our events at the scheduler. All runs share one, for the scheduler stores the last events of each."""

Hear = Callable[[Any], None]
"""Called with each value that a running function sends by :meth:`Call.send`."""


class Act(Protocol):
    """A function that runs on a worker. It is pickled by name: the worker must have the same module."""

    def __call__(self, given: Any, call: "Call", /) -> Any:
        """Run with the argument ``given``; return the result."""


@contextmanager
def joined(address: str) -> Iterator["Cluster"]:
    """Connect to a scheduler; its workers have the key of the run within the context. Raises SiteError."""
    check_address(address)
    # A fault of the cluster appears as an error of the host concerned, so Dask's own logs are redundant.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Sending large graph", category=UserWarning)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="chrony-provision")
    except (OSError, ValueError, TypeError) as error:
        # Dask raises TypeError for tls:// without a certificate.
        raise SiteError(f"--scheduler {address}: cannot be reached: {_one_line(error)}") from error
    try:
        _check_members(client, address)
        cluster = Cluster(client, address)
        with cluster.opened():
            yield cluster
    finally:
        client.close(timeout=CLOSE_SECONDS)


def _check_members(client: Client, address: str) -> None:
    """Raise SiteError if the cluster has no worker, or if a member uses tcp:// beyond the loopback interface."""
    workers = list(client.nthreads())
    for one in (client.scheduler_info()["address"], *workers):
        refuse_open(one, scheduler=address)
    if not workers:
        raise SiteError(f"--scheduler {address}: it has no worker; start one: dask worker {address}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class Cluster:
    """A connected scheduler, and one run on its workers."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._cipher = Cipher()
        self._run = f"{TOPIC}-{token_hex(8)}"
        self._numbers = count(1)
        self._hearing: dict[str, Hear] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Register the plugin with the key of the run; at the end, unregister it, which cancels its tasks."""
        self._client.subscribe_topic(TOPIC, self._hear)
        try:
            self._register()
            yield
        finally:
            # If the scheduler is gone, its workers end as well, and nothing is left to unregister.
            with suppress(OSError, ValueError, TimeoutError, RuntimeError):
                self._client.sync(
                    self._client._unregister_worker_plugin,  # noqa: SLF001 -- the public one cannot be bounded in time
                    name=self._run,
                    callback_timeout=CLOSE_SECONDS,
                )

    def _register(self) -> None:
        try:
            self._client.register_plugin(Member(self._run, self._cipher), name=self._run)
        except SiteError as error:
            raise SiteError(f"--scheduler {self._address}: {error}") from error
        except (ImportError, AttributeError) as error:
            raise SiteError(
                f"--scheduler {self._address}: a worker has another version of chrony-provision: {_one_line(error)}; "
                "install it there"
            ) from error

    def submit(self, name: str, act: Act, given: object, hear: Hear) -> "Sent":
        """Submit a function to a worker; ``name`` becomes a part of the task's key, which everybody can read."""
        key = f"{name}-{self._run}-{next(self._numbers)}"
        self._hearing[key] = hear
        encrypted = self._cipher.close((act, given), key)
        return Sent(key, self._client.submit(_act, self._run, encrypted, key=key, pure=False))

    def result(self, sent: "Sent") -> Any:
        """Wait for the result and return it, or raise the function's exception.

        Raises ClusterFailed if the cluster lost the task: by then, ``hear`` was called with all that was sent before.
        ClusterLost: the scheduler was lost, and what was sent last may not have arrived.
        """
        try:
            value, error = self._cipher.open(self._await(sent.future), sent.key)
        except KilledWorker as error:
            raise ClusterFailed("each worker that took it over died; run the same command again") from error
        except CancelledError as error:
            raise ClusterLost(
                f"the scheduler {self._address} was lost, and the running work was cut off; "
                "run the same command again to complete it"
            ) from error
        finally:
            self._hearing.pop(sent.key, None)
        if error is not None:
            raise error
        return value

    def _await(self, future: Any) -> bytes:
        """Wait for a result. Raises ClusterFailed after ``ALONE_SECONDS`` without any worker."""
        alone = 0
        while alone < ALONE_SECONDS:
            with suppress(TimeoutError):
                return bytes(_asked(partial(future.result, timeout=LOOK_SECONDS)))
            with suppress(OSError, TimeoutError):
                if _asked(self._client.nthreads):
                    alone = 0
                else:
                    alone += LOOK_SECONDS
        raise ClusterFailed(f"no worker is left at {self._address}; start one, and run the same command again")

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Pass on a value that a function of this run has sent; the topic also has the events of other runs."""
        key, data = event[1]["key"], event[1]["sent"]
        if (hear := self._hearing.get(key)) is not None:
            hear(self._cipher.open(data, key))


def _asked(ask: Callable[[], Any]) -> Any:
    """Return what Dask answers; ask again if another thread has cancelled what they share.

    Results that end together share a transfer, and a look whose time is over cancels it for all of them. For the
    others, Dask's sync then fails with UnboundLocalError; the result is still there.
    """
    for _ in range(ASK_TIMES - 1):
        with suppress(UnboundLocalError):
            return ask()
        sleep(ASK_AGAIN_SECONDS)
    return ask()


@dataclass(frozen=True, slots=True)
class Sent:
    """A submitted function."""

    key: str
    future: Any
    """Dask's own future; its adapter for ``concurrent.futures`` cannot release a task that is done."""

    def drop(self) -> None:
        """Cancel the task, or release it if it is done: Dask would repeat an unreleased task of a worker that dies."""
        with suppress(OSError, RuntimeError, CancelledError):
            self.future.cancel()


def code() -> str:
    """Return a digest of this package's code, for functions are sent by name and must be the same on the worker."""
    digest = hashlib.sha256()
    folder = Path(__file__).parents[1]
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".sh", ".j2"}):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


class Member(WorkerPlugin):  # type: ignore[misc] # Dask's types are not looked at
    """Give a worker the key of a run, and cancel its tasks when the run ends."""

    def __init__(self, name: str, cipher: Cipher) -> None:
        self.name, self.cipher, self.code = name, cipher, code()
        self.calls: dict[str, Call] = {}
        self.left = False
        self.refusal = ""

    def setup(self, worker: Worker) -> None:
        """Raise SiteError on a worker that runs other code."""
        if self.code != code():
            # For a worker that joins later, Dask only logs the exception; its tasks then end with ``refusal``.
            self.refusal = f"worker {worker.address}: has another version of chrony-provision; install the same there"
            raise SiteError(self.refusal)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 -- as Dask calls it
        """Cancel the running tasks: the run is over, or the worker is about to end."""
        self.left = True
        for call in list(self.calls.values()):
            call.cancel()

    def transition(self, key: str, start: str, finish: str, **_: Any) -> None:  # noqa: ARG002 -- as Dask calls it
        """Cancel a task whose result is not needed any more: it was cancelled, or the control machine is gone."""
        if finish in {"cancelled", "released", "forgotten"} and (call := self.calls.get(key)) is not None:
            call.cancel()


@dataclass(slots=True)
class Call:
    """The context of a function that runs on a worker: a folder, progress and cancellation."""

    key: str
    folder: Path
    """The worker's folder for temporary files."""
    _worker: Any
    _cipher: Cipher
    is_cancelled: bool = False
    _end: Callable[[], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def send(self, value: object) -> None:
        """Send a value to the control machine, which passes it to ``hear``."""
        self._worker.log_event(TOPIC, {"key": self.key, "sent": self._cipher.close(value, self.key)})

    def when_cancelled(self, end: Callable[[], None]) -> None:
        """Call ``end`` in another thread when the task is cancelled; at once if it is cancelled already."""
        with self._lock:
            self._end = end
            if self.is_cancelled:
                end()

    def cancel(self) -> None:
        """Cancel the function, without waiting for its end."""
        with self._lock:
            if not self.is_cancelled and self._end is not None:
                threading.Thread(target=self._end, daemon=True).start()
            self.is_cancelled = True


def _act(run: str, encrypted: bytes) -> bytes:
    """Decrypt and run a function; return result and exception encrypted, for Dask logs and shows exceptions."""
    worker = get_worker()
    key = worker.get_current_task()
    member: Member | None = worker.plugins.get(run)
    if member is None:
        # The task arrived just before the plugin; or the run is over, and its result is not needed.
        raise Reschedule
    if member.refusal:
        return member.cipher.close((None, SiteError(member.refusal)), key)
    result, raised = None, None
    call = Call(key, Path(worker.local_directory), worker, member.cipher)
    member.calls[key] = call
    try:
        act, given = member.cipher.open(encrypted, key)
        result = act(given, call)
    except Exception as error:  # noqa: BLE001 -- raised again on the control machine
        error.add_note("".join(traceback.format_exception(error)))
        raised = error
    finally:
        del member.calls[key]
    if call.is_cancelled:
        # The result is not needed any more; or this worker is about to end, and another one has to take over.
        raise Reschedule
    return member.cipher.close((result, raised), key)
