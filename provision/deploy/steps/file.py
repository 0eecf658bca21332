"""Define the step that writes a file with given content and mode."""

import difflib
from dataclasses import dataclass, field
from hashlib import sha256
from shlex import quote
from typing import ClassVar

from provision.common.results import Change
from provision.deploy.steps import StepDefaults, minor
from provision.host.host import Host


@dataclass(frozen=True, slots=True)
class File(StepDefaults):
    """A regular file that belongs to root; a symlink in its place is replaced, never followed."""

    changes_host: ClassVar[bool] = True

    path: str
    content: str = field(repr=False)
    mode: str = "0644"
    id: str = field(kw_only=True)

    @property
    def title(self) -> str:
        """Return the title of the step."""
        return self.path

    def look(self) -> str:
        """Print type, mode, owner, digest and content."""
        path = quote(self.path)
        return (
            f"if [ -L {path} ]; then echo symlink; elif [ -e {path} ]; then "
            f"stat -c '%04a %U:%G' {path} && sha256sum <{path} && cat {path}; else echo missing; fi"
        )

    def drift(self, seen: str) -> str | None:
        """Return the first difference in type, content, mode or owner."""
        if seen == "missing":
            return "missing"
        if seen == "symlink":
            return "a symlink is in its place"
        actual, digest, *_ = seen.split("\n", 2)
        if digest.split()[0] != sha256(self.content.encode()).hexdigest():
            return "content differs"
        wanted = f"{self.mode} root:root"
        return None if actual == wanted else f"mode and owner are {actual}, not {wanted}"

    def diff(self, seen: str) -> str:
        """Return the unified diff of the content."""
        there = ""
        if seen not in {"missing", "symlink"}:
            there = "\n".join(seen.split("\n", 2)[2:])
        return unified_diff(self.path, there, self.content)

    def changes(self, host: Host, seen: str, drift: str) -> tuple[Change, ...]:  # noqa: ARG002 -- the protocol's
        """Return the path."""
        return (minor(self.id, self.path),)

    def apply(self, host: Host) -> None:
        """Write the file atomically."""
        host.write(self.path, self.content.encode(), mode=self.mode)


def unified_diff(path: str, there: str, wanted: str) -> str:
    """Return the differences of two texts in the format of ``diff -u``."""
    lines = difflib.unified_diff(there.splitlines(), wanted.splitlines(), path, f"{path} (new)", lineterm="", n=2)
    return "\n".join(lines)
