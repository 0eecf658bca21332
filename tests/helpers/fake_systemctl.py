"""A fake ``systemctl`` that shows the contents of files, and a folder of unit files."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

SYSTEMCTL = """\
#!/bin/sh
# systemctl show -p NAME ... UNIT...: an empty line stands between units.
echo "$@" >>"$FOLDER/calls"
[ "$1" = show ] || exit 0
shift
wanted=
while [ "$1" = -p ]; do wanted="$wanted $2"; shift 2; done
first=$1
for unit; do
    [ "$unit" = "$first" ] || echo
    for name in $wanted; do grep "^$name=" "$FOLDER/$unit" || exit 1; done
done
"""


@dataclass(frozen=True, slots=True)
class Systemctl:
    """The program, and the folder from which it shows."""

    folder: Path

    @classmethod
    def install(cls, folder: Path, monkeypatch: pytest.MonkeyPatch) -> "Systemctl":
        """Put the program first in PATH."""
        (folder / "units").mkdir(parents=True)
        (folder / "systemctl").write_text(SYSTEMCTL)
        (folder / "systemctl").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        monkeypatch.setenv("FOLDER", str(folder))
        return cls(folder)

    def add(self, unit: str, shown: str, file: str = "") -> None:
        """Let it show a unit, whose file has this text."""
        (self.folder / unit).write_text(shown)
        (self.folder / "units" / unit).write_text(file)

    def here(self, script: str) -> str:
        """Return a script that looks for units in the folder, and for no processes, rather than on this machine."""
        script = script.replace("proc=/proc\n", f"proc={self.folder}\n")
        return re.sub(r"(unit|list)_folders='[^']*'", rf"\1_folders='{self.folder}/units'", script)

    @property
    def calls(self) -> list[str]:
        """What it was told."""
        return (self.folder / "calls").read_text().splitlines()

    def forget_calls(self) -> None:
        """Forget what it was told."""
        (self.folder / "calls").unlink()


def shows(id_: str, load: str, active: str, enabled: str, path: str, pid: int = 0, runs: str = "") -> str:
    """Return what it shows of a unit; ``runs`` is the command line that the unit starts."""
    values = {"Id": id_, "LoadState": load, "ActiveState": active, "UnitFileState": enabled, "FragmentPath": path}
    start = f"{{ path={runs.partition(' ')[0]} ; argv[]={runs} ; ignore_errors=no ; pid=0 }}"
    values |= {"NeedDaemonReload": "no", "MainPID": str(pid), "TriggeredBy": "", "ExecStart": start}
    return "".join(f"{name}={value}\n" for name, value in values.items())
