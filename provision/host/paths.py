"""Paths on a host: of this tool's files, and of files that do not survive a boot."""

from posixpath import normpath

RUN = "/run"
"""The folder of files that programs have written since the boot (file-hierarchy(7))."""
ROOT = "/opt/chrony"
"""The folder of builds, generations and everything else that only this tool uses."""
UNIT_PATH = "/etc/systemd/system/chronyd.service"
SOCKET_PATH = "/etc/systemd/system/chronyd.socket"
GENERATION = f"{ROOT}/current"
"""The folder of the current generation."""
NTS_CHAIN, NTS_KEY, TRUSTED = "nts.crt", "nts.key", "trusted.pem"
"""Files of a generation: the certificate of a server with NTS and its key; the authorities that a client trusts."""
NTS_SHARED_KEYS = "ntskeys"
"""The file of a generation with the keys of cookies that several servers share; chronyd prescribes the name."""
CREDENTIALS = f"{RUN}/credentials/chronyd.service"
"""The folder of the files that systemd gives to the service alone (systemd.exec(5), LoadCredential=), in memory."""
KEY_FILE = f"{GENERATION}/chrony.keys"
STATE = "/var/lib/chrony"
"""The one folder for state that chronyd can write to."""
SWITCH = f"{ROOT}/switch"
"""The script that activates a generation; an administrator can run it by hand."""
KEY_USAGE = f"{ROOT}/key-usage"
"""The script that counts the answers for each key, if the site wants it."""
NTS_RENEWAL = f"{ROOT}/nts-renewal"
"""The script that lets chronyd serve with a certificate that the host has renewed."""
NTS_RENEWAL_FOLDER = f"{RUN}/chrony-nts-renewal"
"""The folder of the reason why the host has refused a renewed certificate."""
KEY_USAGE_FOLDER = "/var/lib/chrony-provision"
"""The folder of the counts, which only root can read."""
MEASUREMENTS = f"{ROOT}/measurements"
"""The script that saves the measurements of a chronyd to which systemd hands its ports."""
METRICS_FOLDER = f"{RUN}/chrony-metrics"
"""The folder of the metrics that a host writes itself, so that none of before a boot is read after it."""
_FORMER_RUN = "/var/run"
"""Its former name, which systemd keeps as a symbolic link."""


def plain_path(path: str) -> str:
    """Return a path without ``..`` and superfluous slashes, and with ``/run`` in place of ``/var/run``."""
    clean = normpath(path)
    if clean.startswith("//"):
        # POSIX lets two leading slashes have a meaning of their own; on Linux they have none.
        clean = clean[1:]
    if clean == _FORMER_RUN or clean.startswith(f"{_FORMER_RUN}/"):
        return RUN + clean.removeprefix(_FORMER_RUN)
    return clean


def is_in_run(path: str) -> bool:
    """Return whether a path lies below ``/run``."""
    return plain_path(path).startswith(f"{RUN}/")
