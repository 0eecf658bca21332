"""What files of ours should be, and how what was seen of them differs: pure, and as the script on a host sees it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from provision.build.integrity import (
    NAMES,
    PROGRAMS,
    build_entries,
    differences,
    generation_entries,
    noted_entries,
    parse_tree,
)
from provision.host import scripts
from provision.host.paths import ROOT
from tests.helpers.samples import GENERATION, RECIPE
from tests.helpers.step_samples import SUMS, ask, build_tree, digest, generation_tree, needs_root

PREFIX, PATH = RECIPE.prefix, GENERATION.path
CONTENTS = {"receipt.json": f"{RECIPE.receipt}\n", "sbin/chronyd": "chronyd", "bin/chronyc": "chronyc"}
FILES = {name: CONTENTS.get(name, name).encode() for name in NAMES}
WANTED_BUILD = build_entries(PREFIX, FILES)
WANTED_GENERATION = generation_entries(
    PATH,
    build=RECIPE.name,
    user="_chrony",
    files={
        "chrony.conf": GENERATION.conf.encode(),
        "chrony.keys": GENERATION.keys.text.encode(),
        "chronyd.service": GENERATION.unit.encode(),
    },
)


def test_a_key_that_systemd_reads_is_for_root_alone() -> None:
    files = {"nts.key": b"k", "chronyd.service": b"[Service]\n"}
    before = generation_entries(PATH, build=RECIPE.name, user="_chrony", files=files)[f"{PATH}/nts.key"]
    assert (before.mode, before.owner) == ("0640", "root:_chrony")
    files["chronyd.service"] = b"[Service]\nLoadCredential=nts.key:/opt/chrony/current/nts.key\n"
    found = generation_entries(PATH, build=RECIPE.name, user="_chrony", files=files)[f"{PATH}/nts.key"]
    assert (found.mode, found.owner) == ("0600", "root:root")


def of_build(text: str) -> str | None:
    return differences(WANTED_BUILD, parse_tree(text), base=PREFIX)


def of_generation(text: str) -> str | None:
    return differences(WANTED_GENERATION, parse_tree(text), base=PATH, optional=("rehearsed",))


def without(text: str, path: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.endswith(path))


BUILDS = [
    pytest.param(build_tree(), None, id="as it was packed"),
    pytest.param(
        build_tree().replace(digest("chronyd"), digest("another")),
        "sbin/chronyd has another content",
        id="another program",
    ),
    pytest.param(
        build_tree().replace(f"0755|root:root|{PREFIX}/sbin/chronyd", f"4755|root:root|{PREFIX}/sbin/chronyd"),
        "sbin/chronyd has mode 4755, not 0755",
        id="setuid",
    ),
    pytest.param(
        build_tree().replace(f"0755|root:root|{PREFIX}/bin\n", f"2775|root:adm|{PREFIX}/bin\n"),
        "bin has mode 2775, not 0755, bin belongs to root:adm, not to root:root",
        id="a folder for a group",
    ),
    pytest.param(
        build_tree().replace(f"directory|0755|root:root|{ROOT}/builds\n", f"directory|0777|root:root|{ROOT}/builds\n"),
        "/opt/chrony/builds has mode 0777, not 0755",
        id="the folder around it",
    ),
    pytest.param(without(build_tree(), "/bin/chronyc"), "bin/chronyc is missing", id="a program is gone"),
    pytest.param(
        f"{without(build_tree(), '/bin/chronyc')}\nsymbolic link|0777|root:root|{PREFIX}/bin/chronyc\n"
        f"-> /tmp/chronyc  {PREFIX}/bin/chronyc",
        "bin/chronyc is a link, not a file",
        id="a link in the place of a program",
    ),
    pytest.param(
        f"{build_tree()}\nregular file|0644|root:root|{PREFIX}/sbin/evil.so\n{digest('x')}  {PREFIX}/sbin/evil.so",
        "sbin/evil.so is not of ours",
        id="another file",
    ),
    pytest.param(
        f"{build_tree()}\nregular file|0644|root:root|{PREFIX}/a\x1b[2J|b",
        "'a\\x1b[2J|b' is not of ours",
        id="a name that is not printable",
    ),
    pytest.param(
        f"{build_tree()}\nstrange name", "a name with a newline in it is not of ours", id="a newline in a name"
    ),
    pytest.param(
        f"{build_tree()}\n-rwxr-xr-x* root/root 469928 2026-11-27 07:00 {PREFIX}/sbin/chronyd",
        "sbin/chronyd has a capability or an access control list",
        id="a capability",
    ),
    pytest.param(
        f"{build_tree()}\ndrwxrwxr-x+ root/root 0 2026-11-27 07:00 {PREFIX}/sbin/",
        "sbin has a capability or an access control list",
        id="an access control list of a folder",
    ),
    pytest.param(
        f"{build_tree()}\nmounted|{PREFIX}/sbin/chronyd",
        "sbin/chronyd has something mounted over it",
        id="something mounted over a program",
    ),
]


@pytest.mark.parametrize(("text", "words"), BUILDS)
def test_a_build_differs(text: str, words: str | None) -> None:
    assert of_build(text) == words


def test_of_many_differences_some_are_named_and_the_others_counted() -> None:
    said = of_build("")
    assert said is not None
    assert said.startswith("/opt/chrony/builds is missing, ")
    assert said.endswith(f", and {len(WANTED_BUILD) - 6} more")


NOTED = [
    pytest.param(build_tree(), SUMS, RECIPE.receipt, None, id="as it is noted"),
    pytest.param(build_tree(), SUMS, None, None, id="its receipt is not known here"),
    pytest.param(build_tree(), SUMS, "{}", "receipt.json has another content", id="another receipt"),
    pytest.param(build_tree(), "", None, "bin/chronyc has another content, sbin/chronyd", id="no digests"),
    pytest.param(
        build_tree().replace(digest("chronyd"), digest("x")), SUMS, None, "chronyd has another", id="another program"
    ),
    pytest.param(
        build_tree().replace(digest("chronyd"), digest("x")),
        SUMS.replace(digest("chronyd"), digest("x")),
        None,
        None,
        id="what the host notes is all that there is to compare with",
    ),
    pytest.param(
        f"{build_tree()}\nregular file|0644|root:root|{PREFIX}/extra",
        SUMS,
        None,
        "extra is not of ours",
        id="another file",
    ),
]


@pytest.mark.parametrize(("text", "sums", "receipt", "words"), NOTED)
def test_a_build_of_which_there_is_no_copy_here(text: str, sums: str, receipt: str | None, words: str | None) -> None:
    said = differences(noted_entries(PREFIX, receipt=receipt, sums=sums), parse_tree(text), base=PREFIX)
    assert said is None if words is None else words in str(said)


GENERATIONS = [
    pytest.param(generation_tree(), None, id="as it was staged"),
    pytest.param(without(generation_tree(), "/rehearsed"), None, id="not rehearsed yet"),
    pytest.param(
        generation_tree().replace(f"0644|root:root|{PATH}/rehearsed", f"0666|root:root|{PATH}/rehearsed"),
        "rehearsed has mode 0666",
        id="anybody may write to the mark of its rehearsal",
    ),
    pytest.param(
        generation_tree().replace("-> ../../builds/", "-> ../../builds/my-"),
        f"build leads to ../../builds/my-{RECIPE.name}",
        id="another build",
    ),
    pytest.param(
        generation_tree().replace("0640|root:_chrony", "0644|daemon:daemon"),
        "chrony.keys has mode 0644, not 0640, chrony.keys belongs to daemon:daemon, not to root:_chrony",
        id="keys for everybody",
    ),
    pytest.param(
        generation_tree().replace(digest(GENERATION.conf), digest("allow")),
        "chrony.conf has another content",
        id="another configuration",
    ),
]


@pytest.mark.parametrize(("text", "words"), GENERATIONS)
def test_a_generation_differs(text: str, words: str | None) -> None:
    assert of_generation(text) == words


def make_build(folder: Path) -> Path:
    prefix = folder / "builds" / RECIPE.name
    for name, data in FILES.items():
        path = prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if name in PROGRAMS else 0o644)
    for path in (prefix.parent, prefix, *(path for path in prefix.rglob("*") if path.is_dir())):
        path.chmod(0o755)
    return prefix


def look_at(prefix: Path) -> str:
    seen = ask(scripts.load("look_build", str(prefix)))
    return seen.replace(str(prefix), PREFIX).replace(f"|{prefix.parent}\n", f"|{ROOT}/builds\n")


def grant(path: Path) -> None:
    """Let the account 65534 write to a file, by an access control list as setfacl(1) writes it (acl(5), xattr(7))."""
    entries = ((1, 7, -1), (2, 7, 65534), (4, 5, -1), (16, 7, -1), (32, 5, -1))
    value = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + (account & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, rights, account in entries
    )
    try:
        os.setxattr(path, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("this file system has no access control lists")


def give_capability(path: Path) -> None:
    """Give a program CAP_SYS_TIME, as setcap(8) does: linux/capability.h, struct vfs_cap_data, revision 2."""
    words = (0x02000001, 1 << 25, 0, 0, 0)
    try:
        os.setxattr(path, "security.capability", b"".join(word.to_bytes(4, "little") for word in words))
    except OSError:
        pytest.skip("this file system has no capabilities")


TAMPERINGS = [
    pytest.param(lambda _: None, None, id="nothing"),
    pytest.param(lambda prefix: (prefix / "sbin/chronyd").chmod(0o6755), "sbin/chronyd has mode 6755", id="setuid"),
    pytest.param(lambda prefix: (prefix / "a\nb").touch(), "a name with a newline in it is not", id="a newline"),
    pytest.param(lambda prefix: (prefix / "a|b  c").touch(), "a|b  c is not of ours", id="our own separators"),
    pytest.param(lambda prefix: os.mkfifo(prefix / "fifo"), "fifo is not of ours", id="a pipe"),
    pytest.param(
        lambda prefix: give_capability(prefix / "sbin/chronyd"), "chronyd has a capability", id="a capability"
    ),
    pytest.param(lambda prefix: os.truncate(prefix / "bin/chronyc", 1 << 40), "chronyc has another", id="1 TB"),
    pytest.param(lambda prefix: grant(prefix / "bin/chronyc"), "an access control list", id="an access control list"),
]


@needs_root
@pytest.mark.parametrize(("tamper", "words"), TAMPERINGS)
def test_what_a_tamperer_did_is_seen(tamper: Callable[[Path], object], words: str | None, tmp_path: Path) -> None:
    prefix = make_build(tmp_path)
    tamper(prefix)
    seen = look_at(prefix)
    said = of_build(seen.partition("==> sums")[0].removeprefix("==> tree\n"))
    assert said is None if words is None else words in str(said)
