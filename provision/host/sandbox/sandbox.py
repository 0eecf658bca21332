"""Boot throwaway hosts on this machine in a second: real Debian, systemd and sshd.

A sandbox is an overlay on a base image, a network namespace on a bridge, and a systemd-nspawn that outlives this
process; no KVM, no Docker. All sandboxes share this machine's clock and may not set it (they lack CAP_SYS_TIME), so
chronyd needs ``-x`` in them. A time source for them, the distribution's own chronyd, runs beside them. One with a clock
of its own is a virtual machine (``vm``).

The user's cache folder has ``bases/SUITE`` and ``time``, which are never removed (debootstrap takes a minute), and
``sandboxes/NAME``, which is removed with its sandbox. Namespaces, addresses, the bridge and the time source belong to
the machine: all cache folders share them (``others``).
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from shlex import join
from shutil import rmtree
from time import monotonic, sleep

from provision.common.errors import SandboxError
from provision.common.files.write import write_whole
from provision.host.sandbox import others, vm
from provision.host.sandbox.machine import (
    Say,
    base_image,
    changing_machine,
    check_rights,
    folder,
    install_tools,
    run,
    script,
)
from provision.host.sandbox.room import (
    Room,
    lowest_free,
    make_network,
    netns_of,
    own_time_room,
    remove_network,
    shown_root,
    time_room,
)
from provision.host.target import SANDBOX_NAME, SANDBOX_NAME_RULE
from provision.host.transport.local import LocalTransport

SUITES = ("bullseye", "bookworm", "trixie", "forky", "testing", "sid", "bookworm-i386")
"""Debian's releases for this machine's processor, and one for programs of 32 bits, which runs beside 64 bits."""
DEFAULT_SUITE = "bookworm"

_BOOT_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A throwaway host: root logs in at ``address`` with the private key in the file ``key``.

    ``root`` is its root folder on this machine while the host runs. ``host_key`` is sshd's public key
    (``ssh-ed25519 AAAA…``), generated before the first boot.
    """

    name: str
    suite: str
    address: str
    root: Path
    key: Path
    host_key: str
    vm: bool = False
    """Whether it is a virtual machine; then ``root`` has the image from which it was made."""

    @property
    def kind(self) -> str:
        """Return what it is, in words."""
        return "virtual machine" if self.vm else "sandbox"

    @property
    def known_hosts(self) -> Path:
        """Return the file with its host key, for ssh; the boot writes it."""
        return self.key.with_name("known_hosts")

    @property
    def login(self) -> str:
        """Return the command line that logs in; it asks nothing and leaves the user's known_hosts alone."""
        trust = f"UserKnownHostsFile={self.known_hosts}"
        return join(("ssh", "-i", str(self.key), "-o", trust, f"root@{self.address}"))


def up(
    name: str, suite: str = DEFAULT_SUITE, *, ahead: timedelta | None = None, say: Say, serves_time: bool = True
) -> Sandbox:
    """Boot a sandbox, unless it runs already, and return when its sshd answers; a stopped one has kept its files.

    ``ahead``: by how much its clock is ahead of this machine's when it boots (negative: behind); a new sandbox is a
    virtual machine then. None: a new one is not, and an existing virtual machine boots with the right time.
    ``serves_time``: also start the time source. Raises SandboxError.
    """
    there = _check(name, suite, ahead)
    check_rights()
    if there and pid_of(there) and _ready(there).exists():
        return there
    _refuse_others(name)
    is_vm = there.vm if there else ahead is not None
    if is_vm:
        vm.check(name, suite)
    elif suite not in SUITES:
        raise SandboxError(f"sandbox {name}: Debian {suite} needs a processor that is emulated: say --vm")
    install_tools(say)
    if is_vm:
        base = vm.image(suite, say, others_in_use=any(one.vm for one in listed()))
    else:
        base = base_image(suite, say)
    with changing_machine("sandboxes"):
        _refuse_others(name)
        sandbox = find(name) or _new(name, suite, is_vm=is_vm)
        if pid_of(sandbox) is None:
            make_network(say)
            if serves_time:
                _serve_time(say)
            say(f"booting {sandbox.kind} {name} (Debian {suite}) at {sandbox.address}")
            _boot(sandbox, base, ahead or timedelta())
    _await_sshd(sandbox)
    return sandbox


def listed() -> tuple[Sandbox, ...]:
    """Return all sandboxes, sorted by name; :func:`pid_of` says which of them run."""
    states = sorted(folder("sandboxes").glob("*/state.json"))
    found = [find(state.parent.name) for state in states]
    return tuple(sandbox for sandbox in found if sandbox is not None)


def find(name: str) -> Sandbox | None:
    """Return the sandbox with this name, running or stopped; None if there is none.

    Raises SandboxError if its files are damaged.
    """
    home = folder("sandboxes") / name
    try:
        state = json.loads((home / "state.json").read_text())
        kind, key, *_ = (home / "host_key.pub").read_text().split()
        return Sandbox(**state, root=home / "root", key=home / "key", host_key=f"{kind} {key}")
    except OSError:
        return None
    except (ValueError, TypeError) as error:
        raise SandboxError(
            f"sandbox {name}: its files in {home} are damaged; end its processes and remove this folder"
        ) from error


def existing(name: str) -> Sandbox:
    """Return the sandbox with this name, running or stopped. Raises SandboxError if there is none."""
    found = find(name)
    if found is None:
        _refuse_others(name)
        wish = f"--name {name}"
        if name in SUITES:
            wish = f"--suite {name}"
        raise SandboxError(f"there is no sandbox {name} (there are: {_names()}); inv sandbox.up {wish} boots one")
    return found


def pid_of(sandbox: Sandbox) -> int | None:
    """Return the process ID of the nspawn or QEMU in which a sandbox runs; None if it is stopped."""
    try:
        pid = int((sandbox.root.parent / "pid").read_text())
    except (OSError, ValueError):
        return None
    # After a reboot of this machine, for example, the ID may belong to another process.
    if shown_root(others.command_of(Path(f"/proc/{pid}")), sandbox.name) != str(sandbox.root):
        return None
    return pid


def down(name: str) -> None:
    """Shut a sandbox down and delete it; with the machine's last one, also the network and the time source.

    Raises SandboxError, also if there is no such sandbox.
    """
    check_rights()
    with changing_machine("sandboxes"):
        sandbox = find(name)
        if sandbox is None:
            raise SandboxError(f"there is no sandbox {name!r} (there are: {_names()})")
        if not others.holder(name, sandbox.root):
            _room(sandbox).close(pid_of(sandbox))
        while sandbox.root.parent.exists():
            # A process that is ending may remove its own lock file at the same time.
            with suppress(FileNotFoundError):
                rmtree(sandbox.root.parent)
        if not others.are_left():
            time_room().close()
            remove_network()


def time_source(*, say: Say) -> str:
    """Start an NTP server for the sandboxes (stratum 1, this machine's clock), unless it runs; return its address.

    Raises SandboxError.
    """
    check_rights()
    install_tools(say)
    with changing_machine("sandboxes"):
        make_network(say)
        return _serve_time(say)


def _check(name: str, suite: str, ahead: timedelta | None) -> Sandbox | None:
    """Return the sandbox with this name, if there is one. Raises SandboxError if it cannot be booted in this way."""
    if not SANDBOX_NAME.fullmatch(name):
        raise SandboxError(f"sandbox name {name!r}: use {SANDBOX_NAME_RULE}")
    if suite not in (*SUITES, *vm.PROCESSORS):
        with_vm = ", ".join(vm.PROCESSORS)
        choice = f"{', '.join(SUITES)}; with --vm, one of {with_vm}" if ahead is None else with_vm
        raise SandboxError(f"sandbox {name}: there is no suite {suite!r} here; choose one of {choice}")
    if (there := find(name)) and there.suite != suite:
        raise SandboxError(f"sandbox {name} is Debian {there.suite}, not {suite}: take it down, or choose another name")
    if there and ahead is not None and not there.vm:
        raise SandboxError(f"sandbox {name} is no virtual machine: take it down, or choose another name")
    if there and ahead and pid_of(there):
        raise SandboxError(f"sandbox {name} runs: set its clock with date --set, or shut it down first")
    return there


def _refuse_others(name: str) -> None:
    """Raise SandboxError if a sandbox of another cache folder has this name."""
    if theirs := others.holder(name, folder("sandboxes") / name / "root"):
        raise SandboxError(f"{theirs}: choose another name")


def _names() -> str:
    return ", ".join(sandbox.name for sandbox in listed()) or "none"


def _new(name: str, suite: str, *, is_vm: bool) -> Sandbox:
    """Create the folder, keys and address of a sandbox; the state is written last, and atomically."""
    home = folder("sandboxes") / name
    if home.exists():  # an interrupted run left it
        rmtree(home)
    home.mkdir(mode=0o700, parents=True)
    for key in ("key", "host_key"):
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home / key))
        run(f"making the {key} of {name}", join(command))
    address = lowest_free({*others.linked_addresses(), *(sandbox.address for sandbox in listed())})
    state = json.dumps({"name": name, "suite": suite, "address": address, "vm": is_vm})
    write_whole(home / "state.json", state.encode())
    sandbox = find(name)
    assert sandbox is not None  # noqa: S101 -- its state has just been written
    return sandbox


def _room(sandbox: Sandbox) -> Room:
    return Room(folder=sandbox.root.parent, netns=netns_of(sandbox.name), address=sandbox.address)


def _serve_time(say: Say) -> str:
    """Start the time source, unless it runs, and return its address; chrony is installed once."""
    room = time_room()
    if not room.is_busy():
        room.close()  # remains of a killed one, perhaps of another account
        room = own_time_room()
        if not (room.folder / "installed").exists():
            say("installing chrony in the time source of the sandboxes (once)")
            rmtree(room.folder, ignore_errors=True)  # an interrupted run left it
        room.open(base_image(DEFAULT_SUITE, say))
        script("sandbox_time", str(room.folder), room.netns)
    return room.address


def _ready(sandbox: Sandbox) -> Path:
    """Return the file that marks that sshd has answered since boot; asking it again would take a tenth of a second."""
    return sandbox.root.parent / "ready"


def _boot(sandbox: Sandbox, base: Path, ahead: timedelta) -> None:
    room = _room(sandbox)
    _ready(sandbox).unlink(missing_ok=True)
    room.close()  # remains of a sandbox that shut itself down
    if sandbox.address in others.linked_addresses():
        # It had no interface while it was stopped, for example over a reboot of this machine.
        raise SandboxError(
            f"sandbox {sandbox.name}: a sandbox of another folder has its address {sandbox.address} now: "
            "take one of the two down"
        )
    write_whole(sandbox.known_hosts, f"{sandbox.address} {sandbox.host_key}\n".encode())
    if sandbox.vm:
        vm.boot(sandbox.name, sandbox.suite, room, base, ahead=ahead)
        return
    room.open(base)
    script("sandbox_boot", sandbox.name, str(room.folder), room.netns)


def _await_sshd(sandbox: Sandbox) -> None:
    limit, patience = _BOOT_SECONDS, 1
    if sandbox.vm:
        limit, patience = vm.BOOT_SECONDS, vm.ANSWER_SECONDS
    scan = join(("ssh-keyscan", "-T", str(patience), "-t", "ed25519", sandbox.address))
    deadline = monotonic() + limit
    while "ssh-ed25519" not in LocalTransport().execute(scan).stdout:
        if pid_of(sandbox) is None:
            raise SandboxError(_did_not_boot(sandbox, "it ended"))
        if monotonic() > deadline:
            raise SandboxError(_did_not_boot(sandbox, f"sshd did not answer in {limit} s"))
        sleep(0.1)
    _ready(sandbox).touch()


def _did_not_boot(sandbox: Sandbox, what: str) -> str:
    log = sandbox.root.with_name("console.log" if sandbox.vm else "nspawn.log")
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = (lines or ["(it is empty)"])[-1]
    return f"sandbox {sandbox.name}: {what}; the last line of {log}: {last}"
