"""The part of Nettle that chrony links, found in the sources of both."""

import os
import subprocess
from pathlib import Path

import pytest

from provision.host import scripts

MAKE = """\
#!/bin/sh
case "$*" in
    "-pn libnettle.a") echo "libnettle.a: $(cat objects)" ;;
    *install-static*) printf '%s\\n' "$@" >installed ;;
    *) shift 2; printf '%s\\n' "$@" >>compiled ;;
esac
"""
NM = """\
#!/bin/sh
for object; do cat "${object%.o}.nm"; done
"""
HEADER = """\
#define sha1_init nettle_sha1_init
#define sha1_digest nettle_sha1_digest
#define md5_init nettle_md5_init
"""


class Nettle:
    """A folder with a few sources in Nettle's style, and programs in the place of make and nm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "nettle"
        self.chrony = folder / "chrony"
        self.programs = folder / "bin"
        for made in (self.folder, self.chrony, self.programs):
            made.mkdir()
        for name, text in (("make", MAKE), ("nm", NM)):
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        (self.folder / "sha1.h").write_text(HEADER)
        (self.chrony / "configure").write_text("")
        self.objects: list[str] = []

    def add(self, source: str, text: str, *, defines: str, calls: str = "") -> None:
        """Add a source of the library, and the names for the linker that its object defines and calls."""
        base = source.split(".", maxsplit=1)[0]
        (self.folder / source).write_text(text)
        defined = [f"0000000000000000 T {name}\n" for name in defines.split()]
        called = [f"                 U {name}\n" for name in calls.split()]
        (self.folder / f"{base}.nm").write_text(f"\n{base}.o:\n{''.join((*defined, *called))}")
        self.objects.append(f"{base}.o")

    def use(self, text: str) -> None:
        """Write a source of chrony."""
        (self.chrony / "hash_nettle.c").write_text(text)
        (self.chrony / "hash.h").write_text("")

    def made(self) -> tuple[list[str], str]:
        """Run the script; return the compiled objects, sorted, and the objects of the archive, empty for all."""
        (self.folder / "objects").write_text(" ".join(self.objects))
        text = f'{scripts.text("make_libnettle")}\nset -eu\nmake_libnettle 3 "$1"'
        path = f"{self.programs}:{os.environ['PATH']}"
        command = ["sh", "-c", text, "sh", str(self.chrony)]
        subprocess.run(command, check=True, cwd=self.folder, env={"PATH": path}, timeout=60)
        compiled = self.folder / "compiled"
        *_, last = (self.folder / "installed").read_text().splitlines()
        return sorted(compiled.read_text().split()), last.removeprefix("nettle_OBJS=").strip()


@pytest.fixture
def nettle(tmp_path: Path) -> Nettle:
    nettle = Nettle(tmp_path)
    nettle.add("md5.c", "void\nmd5_init (struct md5_ctx *ctx)\n{\n", defines="nettle_md5_init")
    nettle.add(
        "write-be32.c",
        "void\n_nettle_write_be32 (size_t length, uint8_t *dst)\n",
        defines="_nettle_write_be32",
        calls="memcpy",
    )
    nettle.add(
        "sha1.c",
        "void\nsha1_init (struct sha1_ctx *ctx)\n{\n",
        defines="nettle_sha1_init nettle_sha1_digest",
        calls="_nettle_write_be32 nettle_sha1_compress",
    )
    nettle.add("sha1-compress.asm", "PROLOGUE(nettle_sha1_compress)\n", defines="nettle_sha1_compress")
    nettle.add("arctwo.c", "const uint8_t arctwo_sbox[256] = {\n", defines="nettle_arctwo_sbox")
    return nettle


def test_objects_are_compiled_that_chrony_uses_and_those_that_they_call_in_the_order_of_the_library(
    nettle: Nettle,
) -> None:
    nettle.use("static void init (void) { sha1_init (&ctx); }\n")
    compiled, archive = nettle.made()
    assert compiled == ["sha1-compress.o", "sha1.o", "write-be32.o"]
    assert archive == "write-be32.o sha1.o sha1-compress.o"


def test_a_name_that_only_configure_uses_counts(nettle: Nettle) -> None:
    nettle.use("")
    (nettle.chrony / "configure").write_text("if test_code 'nettle' 'nettle/md5.h' 'md5_init(NULL);'; then\n")
    assert nettle.made() == (["md5.o"], "md5.o")


def test_a_constant_is_found_by_its_name_after_the_type(nettle: Nettle) -> None:
    nettle.add(
        "sha1-meta.c",
        "const struct nettle_hash nettle_sha1 =\n_NETTLE_HASH(sha1, SHA1);\n",
        defines="nettle_sha1",
        calls="nettle_sha1_init",
    )
    nettle.use("hash = &nettle_sha1;\n")
    _, archive = nettle.made()
    assert archive == "write-be32.o sha1.o sha1-compress.o sha1-meta.o"


def test_a_variant_for_a_processor_is_found_by_the_name_of_its_file(nettle: Nettle) -> None:
    nettle.add("fat-x86_64.c", "DEFINE_FAT_FUNC(nettle_md5_init, void,\n", defines="f", calls="_nettle_md5_init_sha_ni")
    nettle.add("md5-init-2.asm", "include(`md5.asm')\n", defines="_nettle_md5_init_sha_ni")
    nettle.use("md5_init (&ctx);\n")
    _, archive = nettle.made()
    assert archive == "md5.o fat-x86_64.o md5-init-2.o"


def test_all_of_nettle_is_made_if_no_source_defines_a_called_name(nettle: Nettle) -> None:
    nettle.add("sha3.c", "void\nsha3_init (void)\n", defines="nettle_sha3_init", calls="nettle_made_by_a_macro")
    nettle.use("nettle_sha3_init ();\n")
    _, archive = nettle.made()
    assert archive == "install-pkgconfig", "no list of objects"


def test_all_of_nettle_is_made_if_chrony_uses_no_known_name(nettle: Nettle) -> None:
    nettle.use("nettle_hash ();\n")
    (nettle.folder / "compiled").write_text("")
    assert nettle.made() == ([], "install-pkgconfig")
