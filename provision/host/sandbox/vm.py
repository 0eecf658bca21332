"""Boot a sandbox that is a virtual machine: a real Debian with a clock of its own, which may be wrong.

QEMU emulates its processor, so it needs no KVM, and is ten to twenty times slower than this machine. Its disk, kernel
and initrd are made once, from the base image of a sandbox; each machine has an overlay on the disk. QEMU runs in the
network namespace of the sandbox, and therefore has its name and its address like any other sandbox.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from provision.common.errors import SandboxError
from provision.host import scripts
from provision.host.sandbox.machine import Say, base_image, changing, folder, missing_packages, script
from provision.host.sandbox.room import BRIDGE, GATEWAY, NETWORK, Room

BOOT_SECONDS = 600
"""The longest time until sshd answers; on a quiet machine it takes about twenty seconds."""
ANSWER_SECONDS = 30
"""The longest time until sshd has shown its key, because its emulated cryptography takes seconds. Clients that give up
earlier leave connections behind, and sshd refuses new ones after ten of them (sshd_config(5), MaxStartups)."""
TOOLS = {"qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "cpio": "cpio", "xz": "xz-utils"}
"""The Debian package of each tool that all virtual machines need."""
IMAGE_SCRIPT = "sandbox_vm_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """A processor that QEMU emulates."""

    qemu: tuple[str, ...]
    """The command line of a machine with this processor."""
    package: str
    """The Debian package of this command."""
    kernel: str
    """The Debian package that depends on the newest kernel for such a machine."""
    console: str
    """The name of its serial console in Linux."""
    user_qemu: str = ""
    """The name under which qemu-user-static runs its programs; empty if this machine does."""

    @property
    def tools(self) -> Mapping[str, str]:
        """Return the Debian package of each tool that such a machine needs."""
        tools = {**TOOLS, self.qemu[0]: self.package}
        if self.user_qemu:
            tools |= {f"{self.user_qemu}-static": "qemu-user-static", "mmdebstrap": "mmdebstrap"}
        return tools


AMD64 = Processor(
    # Each further feature of a newer processor would have to be emulated.
    qemu=(
        *("qemu-system-x86_64", "-machine", "q35,accel=tcg", "-smp", "1", "-m", "512"),
        *("-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt"),
    ),
    package="qemu-system-x86",
    kernel="linux-image-cloud-amd64",
    console="ttyS0",
)
ARM64 = Processor(
    qemu=("qemu-system-aarch64", "-machine", "virt,accel=tcg", "-cpu", "cortex-a72", "-smp", "2", "-m", "1024"),
    package="qemu-system-arm",
    kernel="linux-image-cloud-arm64",
    console="ttyAMA0",
    user_qemu="qemu-aarch64",
)
ARMHF = Processor(
    # Its kernel does not reach devices above 4 GiB.
    qemu=("qemu-system-arm", "-machine", "virt,accel=tcg,highmem=off", "-cpu", "cortex-a15", "-smp", "2", "-m", "1024"),
    package="qemu-system-arm",
    kernel="linux-image-armmp",
    console="ttyAMA0",
    user_qemu="qemu-arm",
)
PROCESSORS: Mapping[str, Processor] = {"bookworm": AMD64, "bookworm-arm64": ARM64, "trixie-armhf": ARMHF}
"""The suites of virtual machines, whose kernels and initrds were tried. Before Debian 13, armhf has a 32-bit time_t."""


def check(name: str, suite: str) -> None:
    """Raise SandboxError if this machine cannot emulate a virtual machine; it names the packages to install."""
    if suite not in PROCESSORS:
        raise SandboxError(
            f"sandbox {name}: there is no virtual machine of Debian {suite}; choose one of {', '.join(PROCESSORS)}"
        )
    if platform.machine() != "x86_64":
        raise SandboxError(
            f"sandbox {name}: virtual machines need a control machine with an x86_64 processor, and this one is "
            f"{platform.machine()}"
        )
    if missing := missing_packages(PROCESSORS[suite].tools):
        raise SandboxError(
            f"sandbox {name}: a virtual machine needs {', '.join(missing)}; as root: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )


def image(suite: str, say: Say, *, others_in_use: bool) -> Path:
    """Return the folder of the image of a suite, made at the first call, and when its script or processor has changed.

    Older images are then removed, unless ``others_in_use``. Raises SandboxError.
    """
    processor = PROCESSORS[suite]
    of_processor = (processor.kernel, processor.console, processor.user_qemu)
    made_by = sha256(scripts.load(IMAGE_SCRIPT, *of_processor).encode()).hexdigest()[:12]
    where = folder("vms") / f"{suite}-{made_by}"
    with changing("vms"):
        if not where.exists():
            base = base_image(suite, say, user_qemu=processor.user_qemu)
            if not others_in_use:
                for old in where.parent.glob(f"{suite}-{'?' * len(made_by)}"):
                    rmtree(old)
            where.parent.mkdir(parents=True, exist_ok=True)
            say(f"making the image of virtual machines of Debian {suite} (once; {_duration(processor)})")
            script(IMAGE_SCRIPT, str(base), str(where), *of_processor)
    return where


def _duration(processor: Processor) -> str:
    return "some minutes" if processor.user_qemu else "half a minute"


def boot(name: str, suite: str, room: Room, image: Path, *, ahead: timedelta) -> None:
    """Begin to boot a virtual machine in a room, with a hardware clock that is ahead of this machine's.

    Raises SandboxError, also if its disk is an overlay on another image.
    """
    made_from = room.folder / "image"
    if made_from.exists() and made_from.read_text() != image.name:
        raise SandboxError(
            f"sandbox {name}: it was made from an image that is not used any more; remove it with inv sandbox.down "
            f"--name {name}"
        )
    made_from.write_text(image.name)
    clock = datetime.now(UTC) + ahead
    script(
        "sandbox_vm_boot",
        name,
        str(room.folder),
        room.netns,
        room.link,
        room.mac,
        f"{room.address}/{NETWORK.prefixlen}",
        BRIDGE,
        str(GATEWAY),
        str(image),
        f"{clock:%Y-%m-%dT%H:%M:%S}",
        PROCESSORS[suite].console,
        *PROCESSORS[suite].qemu,
    )
