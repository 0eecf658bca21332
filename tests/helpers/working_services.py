"""Services of timers that work for a long time on a host, and the units that systemd shows there."""

from provision.host.sandbox.sandbox import Sandbox
from tests.helpers.booted_hosts import login
from tests.helpers.waiting import await_true

SECONDS = 50
_DROP_IN = "/run/systemd/system/{unit}.d"


def work(host: Sandbox, unit: str) -> None:
    """Let a oneshot service work for SECONDS before it does what it is for, and begin."""
    folder = _DROP_IN.format(unit=unit)
    text = f"[Service]\\nExecStartPre=/bin/sleep {SECONDS}\\n"
    lines = (f"mkdir -p {folder}", f"printf '{text}' >{folder}/slow.conf", "systemctl daemon-reload")
    login(host, "\n".join((*lines, f"systemctl restart --no-block {unit}")))
    await_true(
        lambda: login(host, f"systemctl show -p SubState {unit}") == "SubState=start-pre\n", f"{unit} does not work"
    )


def units_left(host: Sandbox, pattern: str) -> str:
    """Return what systemd shows of units, also of one that has failed and whose file is gone."""
    login(host, f"rm -rf {_DROP_IN.format(unit='chron*')}; systemctl daemon-reload")
    return login(host, f"systemctl list-units --all --no-legend --plain '{pattern}'")
