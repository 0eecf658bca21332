"""A file is as we rendered it."""

import difflib
from dataclasses import dataclass, field
from hashlib import sha256
from shlex import quote

from provision.host import Host


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of root's; a symlink in its place is replaced, never written through."""

    path: str
    content: str = field(repr=False)
    mode: str = "0644"

    @property
    def title(self) -> str:
        """Return what the operator calls it."""
        return self.path

    def look(self) -> str:
        """Print type, mode, owner, digest and content."""
        path = quote(self.path)
        return (
            f"if [ -L {path} ]; then echo symlink; elif [ -e {path} ]; then "
            f"stat -c '%04a %U:%G' {path} && sha256sum <{path} && cat {path}; else echo missing; fi"
        )

    def drift(self, seen: str) -> str | None:
        """Return what differs."""
        if seen in {"missing", "symlink"}:
            return "missing" if seen == "missing" else "a symlink is in its place"
        actual, digest, *_ = seen.split("\n", 2)
        if digest.split()[0] != sha256(self.content.encode()).hexdigest():
            return "content differs"
        wanted = f"{self.mode} root:root"
        return None if actual == wanted else f"mode and owner are {actual}, not {wanted}"

    def diff(self, seen: str) -> str:
        """Return the unified diff of the content."""
        there = "" if seen in {"missing", "symlink"} else "\n".join(seen.split("\n", 2)[2:])
        return unified_diff(self.path, there, self.content)

    def apply(self, host: Host) -> None:
        """Write it whole, then move it into place."""
        host.write(self.path, self.content.encode(), mode=self.mode)


def unified_diff(path: str, there: str, wanted: str) -> str:
    """Return how two texts differ, as ``diff -u`` says it."""
    lines = difflib.unified_diff(there.splitlines(), wanted.splitlines(), path, f"{path} (new)", lineterm="", n=2)
    return "\n".join(lines)
