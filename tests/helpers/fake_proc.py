"""A /proc with the processes that a test puts there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MAY_SET = "0000000002000000"
"""CapEff with CAP_SYS_TIME, bit 25."""
ROOT = "000001ffffffffff"
MAY_NOT = "000001fffdffffff"


@dataclass(frozen=True, slots=True)
class Proc:
    """A folder like /proc."""

    folder: Path

    def add(
        self,
        pid: int,
        program: str,
        *,
        unit: str = "session-3.scope",
        line: Sequence[str] = (),
        uid: int = 0,
        capabilities: str = MAY_NOT,
        sockets: Sequence[int] = (),
        name: str = "",
        container: bool = False,
    ) -> None:
        """Let a process run."""
        one = self.folder / str(pid)
        for folder in ("fd", "ns"):
            (one / folder).mkdir(parents=True)
        (one / "exe").symlink_to(program)
        ids = f"{uid}\t{uid}\t{uid}\t{uid}"
        (one / "status").write_text(f"Name:\t{name or Path(program).name}\nUid:\t{ids}\nCapEff:\t{capabilities}\n")
        (one / "cmdline").write_text("\0".join(line or (program,)) + "\0")
        (one / "cgroup").write_text(f"9:name=systemd:/\n0::/system.slice/{unit}\n")
        (one / "ns/user").symlink_to("/dev/zero" if container else "/dev/null")
        for number, inode in enumerate(sockets):
            (one / "fd" / str(number)).symlink_to(f"socket:[{inode}]")

    def listen(self, *inodes: int, file: str = "udp") -> None:
        """Let sockets wait on UDP port 123."""
        lines = [f" 1: 00000000:007B 00000000:0000 07 0:0 00:0 0 0 0 {inode} 2 0 0" for inode in inodes]
        (self.folder / "net" / file).write_text("\n".join(["  sl  local_address rem_address", *lines, ""]))
