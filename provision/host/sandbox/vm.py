"""Boot a sandbox that is a virtual machine: a real Debian with a clock of its own, which may be wrong.

QEMU emulates its processor, so it needs no KVM, and is ten to twenty times slower than this machine. Its disk, kernel
and initrd are made once, from the base image of a sandbox; each machine has an overlay on the disk. QEMU runs in the
network namespace of the sandbox, and therefore has its name and its address like any other sandbox.
"""

import platform
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from provision.common.errors import SandboxError
from provision.host import scripts
from provision.host.sandbox.machine import Say, base_image, changing, folder, missing_packages, script
from provision.host.sandbox.room import BRIDGE, GATEWAY, NETWORK, Room

SUITE = "bookworm"
"""The only suite whose kernel and initrd were tried."""
BOOT_SECONDS = 600
"""The longest time until sshd answers; on a quiet machine it takes about twenty seconds."""
ANSWER_SECONDS = 30
"""The longest time until sshd has shown its key, because its emulated cryptography takes seconds. Clients that give up
earlier leave connections behind, and sshd refuses new ones after ten of them (sshd_config(5), MaxStartups)."""
TOOLS = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs", "cpio": "cpio"}
"""The Debian package of each tool."""
IMAGE_SCRIPT = "sandbox_vm_image"


def check(name: str, suite: str) -> None:
    """Raise SandboxError if this machine cannot emulate a virtual machine; it names the packages to install."""
    if suite != SUITE:
        raise SandboxError(f"sandbox {name}: a virtual machine is always Debian {SUITE}, not {suite}")
    if platform.machine() != "x86_64":
        raise SandboxError(f"sandbox {name}: the processor of a virtual machine is x86_64, and this machine's is not")
    if missing := missing_packages(TOOLS):
        raise SandboxError(
            f"sandbox {name}: a virtual machine needs {', '.join(missing)}; as root: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )


def image(say: Say, *, others_in_use: bool) -> Path:
    """Return the folder of the image, which is made at the first call and when its script has changed.

    Images of an older script are removed, unless ``others_in_use``. Raises SandboxError.
    """
    made_by = sha256(scripts.load(IMAGE_SCRIPT).encode()).hexdigest()[:12]
    where = folder("vms") / f"{SUITE}-{made_by}"
    with changing("vms"):
        if not where.exists():
            base = base_image(SUITE, say)
            if not others_in_use:
                rmtree(where.parent, ignore_errors=True)
            where.parent.mkdir(parents=True, exist_ok=True)
            say("making the image of virtual machines (once; half a minute)")
            script(IMAGE_SCRIPT, str(base), str(where))
    return where


def boot(name: str, room: Room, image: Path, *, ahead: timedelta) -> None:
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
    )
