"""Paths of this tool's files on a host."""

ROOT = "/opt/chrony"
"""The folder of builds, generations and everything else that only this tool uses."""
UNIT_PATH = "/etc/systemd/system/chronyd.service"
KEY_FILE = f"{ROOT}/current/chrony.keys"
SWITCH = f"{ROOT}/switch"
"""The script that activates a generation; an administrator can run it by hand."""
