"""The workers of a Dask cluster; what goes to them and comes back is sealed.

A cluster shows its tasks to whoever asks: on the dashboard, in logs, in files where memory is short. So a task is
called by the name of its host, and its argument, its result, what it tells on the way and even its exception are
sealed. The key for that reaches the workers as a plugin, which is only ever in memory, and is withdrawn in the end.
"""

import hashlib
import logging
import re
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from distributed import Client, KilledWorker, Reschedule, Worker, WorkerPlugin, get_worker

from provision.errors import ClusterFailed, SiteError
from provision.sealed import Seal

CONNECT_SECONDS = 10
CLOSE_SECONDS = 10
LOOK_SECONDS = 5
ALONE_SECONDS = 60
"""A worker that died is started again by its nanny, in seconds; when none is there for so long, nobody comes."""
TOPIC = "chrony-provision"
"""Of the scheduler's events, of which it keeps the last ones: one for all runs, so that they do not pile up."""

ADDRESS = re.compile(r"(?P<scheme>tcp|tls)://(?:\[(?P<ipv6>[^\]\s]+)\]|(?P<name>[^:/\s\[\]]+)):(?P<port>[0-9]{1,5})")

Hear = Callable[[Any], None]
"""Called with what an act tells on the way."""


class Act(Protocol):
    """What runs on a worker; it is sent by its name, so it is a function of a module that the worker has, too."""

    def __call__(self, given: Any, call: "Call", /) -> Any:
        """Act."""


@contextmanager
def joined(address: str) -> Iterator["Cluster"]:
    """Connect to a scheduler, and give its workers the key of a run, until we leave. Raises SiteError."""
    check_address(address)
    # Whatever goes wrong is told by what it does to a host.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Sending large graph", category=UserWarning)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="chrony-provision")
    except (OSError, ValueError, TypeError) as error:
        # TypeError: what Dask says of tls:// without a certificate.
        raise SiteError(f"--scheduler {address}: cannot be reached: {_one_line(error)}") from error
    try:
        _check_members(client, address)
        cluster = Cluster(client, address)
        with cluster.opened():
            yield cluster
    finally:
        client.close(timeout=CLOSE_SECONDS)


def check_address(address: str) -> None:
    """Refuse an address that says no scheduler, or one to which the key of a run would travel readable."""
    match = ADDRESS.fullmatch(address)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise SiteError(f"--scheduler {address}: not an address; say tls://name:8786, or tcp://127.0.0.1:8786")
    _refuse_open(address, address)


def _refuse_open(address: str, scheduler: str) -> None:
    """Refuse tcp:// beyond this machine."""
    match = ADDRESS.fullmatch(address)
    if match is not None and (match["scheme"] == "tls" or _is_loopback(match["ipv6"] or match["name"])):
        return
    what = "" if address == scheduler else f"{address} belongs to it: "
    raise SiteError(
        f"--scheduler {scheduler}: {what}over tcp:// whoever listens could read the keys; "
        "start scheduler and workers with TLS (dask.org: distributed.comm.tls), and say tls://"
    )


def _is_loopback(name: str) -> bool:
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name == "localhost"


def _check_members(client: Client, address: str) -> None:
    """Refuse a cluster of which a part could be listened to, or that has no worker."""
    workers = list(client.nthreads())
    for one in (client.scheduler_info()["address"], *workers):
        _refuse_open(one, address)
    if not workers:
        raise SiteError(f"--scheduler {address}: it has no worker; start one: dask worker {address}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


class Cluster:
    """A scheduler that we are connected to, and a run of ours on its workers."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._seal = Seal()
        self._run = f"{TOPIC}-{token_hex(8)}"
        self._numbers = count(1)
        self._hearing: dict[str, Hear] = {}

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let the workers take part; at the end, they are cut off and forget."""
        self._client.subscribe_topic(TOPIC, self._hear)
        try:
            self._register()
            yield
        finally:
            # A scheduler that is gone has nothing to forget; its workers end without it.
            with suppress(OSError, ValueError, TimeoutError, RuntimeError):
                self._client.sync(
                    self._client._unregister_worker_plugin,  # noqa: SLF001 -- the public one cannot be bounded in time
                    name=self._run,
                    callback_timeout=CLOSE_SECONDS,
                )

    def _register(self) -> None:
        try:
            self._client.register_plugin(Member(self._run, self._seal), name=self._run)
        except SiteError as error:
            raise SiteError(f"--scheduler {self._address}: {error}") from error
        except (ImportError, AttributeError) as error:
            raise SiteError(
                f"--scheduler {self._address}: a worker has not the same chrony-provision: {_one_line(error)}; "
                "install it there"
            ) from error

    def submit(self, name: str, act: Act, given: object, hear: Hear) -> "Sent":
        """Have a worker act; the task is called by this name, which anybody may read."""
        key = f"{name}-{self._run}-{next(self._numbers)}"
        self._hearing[key] = hear
        sealed = self._seal.close((act, given), key)
        return Sent(key, self._client.submit(_act, self._run, sealed, key=key, pure=False))

    def result(self, sent: "Sent") -> Any:
        """Wait, and return the result, or raise what the act has raised. Raises ClusterFailed when nobody can tell."""
        try:
            value, error = self._seal.open(self._await(sent.future), sent.key)
        except KilledWorker as error:
            raise ClusterFailed("each worker that took it over died; the same line tries again") from error
        except CancelledError as error:
            raise ClusterFailed(
                f"the scheduler {self._address} was lost, and what was begun is cut off; the same line completes it"
            ) from error
        finally:
            self._hearing.pop(sent.key, None)
        if error is not None:
            raise error
        return value

    def _await(self, future: Any) -> bytes:
        """Wait for a result; not for ever when there is nobody to work for it."""
        alone = 0
        while alone < ALONE_SECONDS:
            with suppress(TimeoutError):
                return bytes(future.result(timeout=LOOK_SECONDS))
            with suppress(OSError, TimeoutError):
                alone = 0 if self._client.nthreads() else alone + LOOK_SECONDS
        raise ClusterFailed(f"no worker is left at {self._address}; start one, and say the same line again")

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        """Hand on what an act tells; the scheduler has events of other runs, too."""
        key, data = event[1]["key"], event[1]["told"]
        if (hear := self._hearing.get(key)) is not None:
            hear(self._seal.open(data, key))


@dataclass(frozen=True, slots=True)
class Sent:
    """An act on its way."""

    key: str
    future: Any
    """Dask's own: what it makes for ``concurrent.futures`` lets nobody forget a task that is done."""

    def drop(self) -> None:
        """Cut it off, or forget it: of a worker that dies later, Dask would do again what is not forgotten."""
        with suppress(OSError, RuntimeError, CancelledError):
            self.future.cancel()


def code() -> str:
    """Return a digest of this package's code: what is sent by name must mean the same there."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".sh", ".j2"}):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


class Member(WorkerPlugin):  # type: ignore[misc] # Dask's types are not looked at
    """Makes a worker one of a run: it has the key, and knows what to cut off."""

    def __init__(self, name: str, seal: Seal) -> None:
        self.name, self.seal, self.code = name, seal, code()
        self.calls: dict[str, Call] = {}
        self.left = False
        self.refusal = ""

    def setup(self, worker: Worker) -> None:
        """Refuse a worker that runs other code."""
        if self.code != code():
            # Of a worker that comes later, Dask only logs this; what it is given to do ends with it.
            self.refusal = f"worker {worker.address}: has another version of chrony-provision; install the same there"
            raise SiteError(self.refusal)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002 -- as Dask calls it
        """Cut off what runs: the run is over, or the worker is about to end."""
        self.left = True
        for call in list(self.calls.values()):
            call.cancel()

    def transition(self, key: str, start: str, finish: str, **_: Any) -> None:  # noqa: ARG002 -- as Dask calls it
        """Cut off what nobody waits for any more: it was cancelled, or the control machine is gone."""
        if finish in {"cancelled", "released", "forgotten"} and (call := self.calls.get(key)) is not None:
            call.cancel()


@dataclass(slots=True)
class Call:
    """What an act has of the worker on which it runs."""

    key: str
    folder: Path
    """The worker's, for what is needed meanwhile."""
    _worker: Any
    _seal: Seal
    is_cancelled: bool = False
    _end: Callable[[], None] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def tell(self, value: object) -> None:
        """Tell something to whoever waits for the result."""
        self._worker.log_event(TOPIC, {"key": self.key, "told": self._seal.close(value, self.key)})

    def when_cancelled(self, end: Callable[[], None]) -> None:
        """Have something done, in another thread, when nobody wants the result any more."""
        with self._lock:
            self._end = end
            if self.is_cancelled:
                end()

    def cancel(self) -> None:
        """Cut it off; whoever asks is not kept waiting."""
        with self._lock:
            if not self.is_cancelled and self._end is not None:
                threading.Thread(target=self._end, daemon=True).start()
            self.is_cancelled = True


def _act(run: str, sealed: bytes) -> bytes:
    """Open what was sent, act, and return the sealed result and exception: Dask logs and shows what is raised."""
    worker = get_worker()
    key = worker.get_current_task()
    member: Member | None = worker.plugins.get(run)
    if member is None:
        # It came to this worker just before the plugin did; or the run is over, and nobody waits.
        raise Reschedule
    if member.refusal:
        return member.seal.close((None, SiteError(member.refusal)), key)
    result, raised = None, None
    call = Call(key, Path(worker.local_directory), worker, member.seal)
    member.calls[key] = call
    try:
        act, given = member.seal.open(sealed, key)
        result = act(given, call)
    except Exception as error:  # noqa: BLE001 -- it goes to whoever waits
        error.add_note("".join(traceback.format_exception(error)))
        raised = error
    finally:
        del member.calls[key]
    if call.is_cancelled:
        # Not wanted any more; or the worker is about to end, and another one has to do it.
        raise Reschedule
    return member.seal.close((result, raised), key)
