"""Time services, as the script conflicting_services.sh finds them in folders of a test."""

from pathlib import Path

from provision.host import scripts
from provision.verify.time_services import TimeServices, parse_time_services
from tests.helpers.fake_proc import Proc
from tests.helpers.fake_systemctl import Systemctl, shows
from tests.helpers.step_samples import ask


def found(systemctl: Systemctl, proc: Proc, tmp_path: Path, root: str = "/opt/chrony") -> TimeServices:
    """Return what the script finds in these folders in place of /proc and systemd."""
    library = scripts.functions("look_active")
    script = f"set -eu\nroot={root}\n{systemctl.here(library)}\nlook_around\nclassify\n"
    script = script.replace(f"proc={systemctl.folder}\n", f"proc={proc.folder}\n")
    script = script.replace("cron_files='/etc/crontab /etc/cron.d", f"cron_files='{tmp_path}/cron.d /nowhere")
    script = script.replace("hook_files='/etc/rc.local", f"hook_files='{tmp_path}/hooks")
    return parse_time_services(ask(script))


def running(unit: str, line: str, pid: int, *, file: str = "", enabled: str = "enabled") -> str:
    """Return what systemctl shows of a service that runs."""
    return shows(unit, "loaded", "active", enabled, file or f"/usr/lib/systemd/system/{unit}", pid, line)
