"""A virtual machine with a clock of its own, which may be wrong, and a time source that can fall silent.

Sandboxes share this machine's clock and may not set it. This is a real Debian 12 that QEMU emulates, without KVM; its
disk, kernel and initrd are made once, from the base image of the sandboxes, and kept in the user's cache.
There is one such machine at a time: whoever comes second waits.
"""

import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import rmtree, which
from threading import Event, Thread

from provision.host.sandbox.machine import base_image, changing, folder, install_tools, run, script
from provision.host.sandbox.sandbox import DEFAULT_SUITE, Sandbox
from provision.host.transport.local import LocalTransport
from tests.helpers.booted_hosts import login, need_root
from tests.helpers.waiting import await_true

ADDRESS = "198.18.77.2"
SOURCE = "198.18.77.1"
PREFIX = 24
LINK = "cpvm0"
IMAGE_SCRIPT = Path(__file__).with_name("vm_image.sh")
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "cpio": "cpio"}
NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP's time begins, to 1970 (RFC 5905, 6)."""
PACKET = struct.Struct("!BBbb II4s Q8sQQ")
"""Leap and mode, stratum, poll, precision; root delay and dispersion, reference; four timestamps (RFC 5905, 7.3)."""


def _timestamp(seconds: float) -> int:
    return int((seconds + NTP_EPOCH) * 2**32)


@dataclass(slots=True)
class TimeSource:
    """An NTP server of stratum 1 with this machine's clock."""

    answers: bool = True
    """Whether it answers; otherwise it only counts."""
    requests: int = 0
    """How often it was asked."""
    _ended: Event = field(default_factory=Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve at SOURCE."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.bind((SOURCE, 123))
            channel.settimeout(0.5)
            thread = Thread(target=self._serve, args=(channel,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()

    def _serve(self, channel: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                request, sender = channel.recvfrom(1024)
            except TimeoutError:
                continue
            received = time.time()
            self.requests += 1
            if self.answers:
                channel.sendto(self._answer(request, received), sender)

    def _answer(self, request: bytes, received: float) -> bytes:
        version_4_server = 0b00_100_100
        last_set, now = _timestamp(received - 1), _timestamp(time.time())
        return PACKET.pack(
            version_4_server, 1, 0, -20, 0, 1, b"TEST", last_set, request[40:48], _timestamp(received), now
        )


@dataclass(slots=True)
class Machine:
    """The virtual machine: boot it with any clock, and power it off."""

    host: Sandbox
    """How to log in."""
    source: TimeSource
    image: Path
    """The folder with its disk as it was made, kernel and initrd."""
    disk: Path
    """What it has written to its disk."""
    _process: "subprocess.Popen[bytes] | None" = None

    def boot(self, *, ahead: timedelta) -> None:
        """Boot with a hardware clock that is ahead of this machine's, or behind where it is negative."""
        clock = datetime.now(UTC) + ahead
        self._process = subprocess.Popen(
            # The emulator ends with the tests, also when those are killed.
            ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *self._options(clock)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.disk.with_name("qemu.log").open("wb"),
        )
        await_true(self._has_sshd, f"the virtual machine does not boot: see {self.disk.parent}", every=0.3)

    def power_off(self) -> None:
        """Shut down as an administrator does, and wait until it is off."""
        process = self._process
        assert process is not None
        # The answer would come over a connection that ends; --no-block leaves time for it.
        login(self.host, "systemctl --no-block poweroff")
        await_true(lambda: process.poll() is not None, "the virtual machine does not power off")

    def kill(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _has_sshd(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(self.disk.with_name("qemu.log").read_text())
        return "ssh-ed25519" in LocalTransport().execute(f"ssh-keyscan -T 1 -t ed25519 {ADDRESS}").stdout

    def _options(self, clock: datetime) -> list[str]:
        options = {
            "machine": "q35,accel=tcg",
            "cpu": "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt",
            "smp": "1",
            "m": "512",
            "display": "none",
            "kernel": str(self.image / "kernel"),
            "initrd": str(self.image / "initrd"),
            "append": "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 mitigations=off",
            "drive": f"file={self.disk},format=qcow2,if=virtio,cache=unsafe",
            "netdev": f"tap,id=net,ifname={LINK},script=no,downscript=no",
            "serial": f"file:{self.disk.with_name('console.log')}",
            "rtc": f"base={clock:%Y-%m-%dT%H:%M:%S}",
        }
        words = [word for name, value in options.items() for word in (f"-{name}", value)]
        return [*words, "-nodefaults", "-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"]


@contextmanager
def virtual_machine(home: Path) -> Iterator[Machine]:
    """Prepare a virtual machine, which is off, and a time source for it; ``home`` is a folder of its own."""
    need_root()
    with changing("vm"):
        image = _image()
        disk = home / "disk.qcow2"
        run("making a disk", f"qemu-img create -q -f qcow2 -F raw -b {image}/disk.ext4 {disk}")
        run("making a network", f"ip link delete {LINK} 2>/dev/null; ip tuntap add dev {LINK} mode tap")
        kind, key, *_ = (image / "host_key.pub").read_text().split()
        host = Sandbox(
            name="vm", suite=DEFAULT_SUITE, address=ADDRESS, root=home, key=image / "key", host_key=f"{kind} {key}"
        )
        try:
            run("making a network", f"ip address add {SOURCE}/{PREFIX} dev {LINK} && ip link set {LINK} up")
            machine = Machine(host=host, source=TimeSource(), image=image, disk=disk)
            with machine.source.running():
                try:
                    yield machine
                finally:
                    machine.kill()
        finally:
            run("removing the network", f"ip link delete {LINK}")
            disk.unlink()


def _image() -> Path:
    """Return the folder of the image, made at the first call and when its script has changed."""
    install_tools(print)
    if missing := [
        package for tool, package in TOOLS.items() if which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None
    ]:
        script("sandbox_tools", *missing)
    text = IMAGE_SCRIPT.read_bytes()
    image = folder("vms") / f"{DEFAULT_SUITE}-{sha256(text).hexdigest()[:12]}"
    if not image.exists():
        base = base_image(DEFAULT_SUITE, print)
        # Those of an older script; nobody runs one, for there is one machine at a time.
        rmtree(image.parent, ignore_errors=True)
        image.parent.mkdir(parents=True)
        run("making the virtual machine", f"sh {IMAGE_SCRIPT} {base} {image} {ADDRESS} {PREFIX}")
    return image
