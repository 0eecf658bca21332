"""List the files that should be on a host, and compare them with the files that are there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from provision.build.libraries import FILE as LIBRARIES
from provision.chrony.unit_values import credentials

FILE, FOLDER, LINK = "file", "folder", "link"
KINDS = {"regular file": FILE, "regular empty file": FILE, "directory": FOLDER, "symbolic link": LINK}
"""Our names for the file types that stat(1) prints for %F; other types keep their names."""
PROGRAMS = ("sbin/chronyd", "bin/chronyc")
PAGES = ("share/man/man1/chronyc.1", "share/man/man5/chrony.conf.5", "share/man/man8/chronyd.8")
RECEIPT, SUMS = "receipt.json", "sha256sums"
NAMES = frozenset((*PROGRAMS, *PAGES, "configure.log", LIBRARIES, RECEIPT, SUMS))
"""The complete list of files in a build; ``collect_build.sh`` and ``finish_build.sh`` make them."""
SECRET_FILES = ("chrony.keys", "nts.key", "ntskeys")
"""The files in a generation's folder that only root and chronyd's account may read."""
UNIT = "chronyd.service"
REHEARSED = "rehearsed"
"""The empty file in a generation's folder that records a successful rehearsal."""
WRITABLE_OR_SPECIAL = 0o7022
"""The mode bits that no file of ours has: writable for the group or others, setuid, setgid, sticky."""
MOST = 6
"""The largest number of differences in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Describe a file, folder or link, either expected or found."""

    kind: str
    mode: str | None = None
    """Four octal digits. None in an expected entry: only the owner may have write permission."""
    owner: str = "root:root"
    content: str | None = None
    """The sha256 of a file, or the target of a link. None: a folder, or not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Hold the output of ``print_tree.sh``, by path."""

    entries: Mapping[str, Entry]
    extended: frozenset[str]
    """Paths with a capability or an access control list."""
    mounted: frozenset[str]
    """Mount points: paths over which a file system or a file is mounted."""
    has_strange_name: bool


def file_of(content: bytes, *, mode: str = "0644", owner: str = "root:root") -> Entry:
    """Return the expected entry of a file."""
    return Entry(kind=FILE, mode=mode, owner=owner, content=sha256(content).hexdigest())


def folder() -> Entry:
    """Return the expected entry of a folder: owned by root, readable for all."""
    return Entry(kind=FOLDER, mode="0755")


def parse_tree(text: str) -> Tree:
    """Parse the output of the function ``tree`` in ``print_tree.sh``; lines of other sections are ignored."""
    kinds: dict[str, tuple[str, str, str]] = {}
    contents: dict[str, str] = {}
    extended, mounted = set(), set()
    lines = text.splitlines()
    for line in lines:
        # The path is the last field, because it may contain any character except a newline.
        match line.split("|", 3):
            case [kind, mode, owner, path]:
                kinds[path] = (KINDS.get(kind, kind), mode, owner)
            case ["mounted", path]:
                mounted.add(path)
            case _ if line.startswith("-> "):
                target, _, path = line.removeprefix("-> ").rpartition("  ")
                contents[path] = target
            case _ if line[10:11] in {"*", "+"}:
                # tar -tv: the path follows the time of day, and the target of a link follows its path.
                extended.add("/" + line.partition(" /")[2].partition(" -> ")[0].rstrip("/"))
            case _ if line[64:66] == "  ":
                contents[line[66:]] = line[:64]
    return Tree(
        entries={
            path: Entry(kind=kind, mode=mode, owner=owner, content=contents.get(path))
            for path, (kind, mode, owner) in kinds.items()
        },
        extended=frozenset(extended),
        mounted=frozenset(mounted),
        has_strange_name="strange name" in lines,
    )


def generation_entries(path: str, *, build: str, user: str, files: Mapping[str, bytes]) -> Mapping[str, Entry]:
    """Return all expected entries of a generation's folder; ``build`` is the name of its build."""
    entries = {
        path.rpartition("/")[0]: folder(),
        path: folder(),
        f"{path}/build": Entry(kind=LINK, content=f"../../builds/{build}"),
    }
    # systemd reads them as root.
    loaded = {name for name in credentials(files.get(UNIT, b"").decode()) if name in SECRET_FILES}
    for name, content in files.items():
        if name in loaded:
            entries[f"{path}/{name}"] = file_of(content, mode="0600")
        elif name in SECRET_FILES:
            entries[f"{path}/{name}"] = file_of(content, mode="0640", owner=f"root:{user}")
        else:
            entries[f"{path}/{name}"] = file_of(content)
    return entries


def build_entries(prefix: str, files: Mapping[str, bytes]) -> Mapping[str, Entry]:
    """Return all expected entries of a build's folder, from the content of each packed file."""
    return {
        **_folders(prefix),
        **{f"{prefix}/{name}": file_of(data, mode=_mode(name)) for name, data in files.items()},
    }


def parse_sums(text: str) -> Mapping[str, str]:
    """Parse the output of sha256sum(1): the digest of each file, by its name."""
    digests: dict[str, str] = {}
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        digests[name] = digest
    return digests


def noted_entries(prefix: str, *, receipt: str | None, sums: str) -> Mapping[str, Entry]:
    """Return the expected entries of a build without a copy on this machine, from the receipt and digests on the host.

    ``receipt`` is None if this machine does not know it either.
    """
    digests = parse_sums(sums)
    entries = {
        **_folders(prefix),
        **{f"{prefix}/{name}": Entry(kind=FILE, mode=_mode(name)) for name in sorted(NAMES)},
    }
    for name in PROGRAMS:
        entries[f"{prefix}/{name}"] = Entry(kind=FILE, mode=_mode(name), content=digests.get(name, "none is noted"))
    if receipt is not None:
        entries[f"{prefix}/{RECEIPT}"] = file_of(f"{receipt}\n".encode())
    return entries


def _mode(name: str) -> str:
    if name in PROGRAMS:
        return "0755"
    return "0644"


def _folders(prefix: str) -> dict[str, Entry]:
    """Return the entries of a build's folders, including the build's own."""
    inner = dict.fromkeys(parent for name in sorted(NAMES) for parent in _parents(name))
    return {
        prefix.rpartition("/")[0]: folder(),
        prefix: folder(),
        **{f"{prefix}/{name}": folder() for name in inner},
    }


def differences(wanted: Mapping[str, Entry], tree: Tree, *, base: str, optional: Iterable[str] = ()) -> str | None:
    """Return the differences between the expected and the found entries in one line, or None.

    Names are relative to the folder ``base``. An unexpected file in it is also a difference, except for the
    ``optional`` names.
    """
    found = [
        difference for path, entry in wanted.items() for difference in _differs(_name(path, base), path, entry, tree)
    ]
    for path in sorted(tree.entries.keys() - wanted.keys()):
        if _name(path, base) in optional:
            found.extend(_differs(_name(path, base), path, Entry(kind=FILE), tree))
        else:
            found.append(f"{_name(path, base)} is not of ours")
    if tree.has_strange_name:
        found.append("a name with a newline in it is not of ours")
    if len(found) > MOST:
        found[MOST:] = [f"and {len(found) - MOST} more"]
    return ", ".join(found) or None


def _differs(name: str, path: str, wanted: Entry, tree: Tree) -> Iterator[str]:
    seen = tree.entries.get(path)
    if seen is None:
        yield f"{name} is missing"
        return
    if seen.kind != wanted.kind:
        yield f"{name} is a {seen.kind}, not a {wanted.kind}"
        return
    if wanted.content is not None and seen.content != wanted.content:
        yield _other_content(name, seen)
    # The mode of a link has no meaning.
    if seen.kind != LINK and not _mode_is_right(wanted, seen):
        yield _other_mode(name, wanted, seen)
    if seen.owner != wanted.owner:
        yield f"{name} belongs to {seen.owner}, not to {wanted.owner}"
    if path in tree.extended:
        yield f"{name} has a capability or an access control list"
    if path in tree.mounted:
        yield f"{name} has something mounted over it"


def _other_content(name: str, seen: Entry) -> str:
    if seen.kind == LINK:
        return f"{name} leads to {seen.content}"
    return f"{name} has another content"


def _other_mode(name: str, wanted: Entry, seen: Entry) -> str:
    if wanted.mode is None:
        return f"{name} has mode {seen.mode}"
    return f"{name} has mode {seen.mode}, not {wanted.mode}"


def _mode_is_right(wanted: Entry, seen: Entry) -> bool:
    if wanted.mode is not None:
        return seen.mode == wanted.mode
    return int(seen.mode or "7777", 8) & WRITABLE_OR_SPECIAL == 0


def _parents(name: str) -> Iterator[str]:
    """Yield the parent folders of a path, outermost first: share, share/man."""
    parts = name.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _name(path: str, base: str) -> str:
    """Return a printable name of a path, relative to ``base`` if it is below it."""
    short = path.removeprefix(f"{base}/")
    if short.isprintable():
        return short
    return ascii(short)
