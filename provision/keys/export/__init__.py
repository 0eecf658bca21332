"""Export keys in the formats of NTP clients that this tool does not manage, a module for each kind of client.

Keys that a format cannot hold are refused. The lines of configuration that a client needs besides are exported, too.
"""

from collections.abc import Mapping

from provision.keys.export.as_json import JSON
from provision.keys.export.busybox import BUSYBOX
from provision.keys.export.chrony import CHRONY
from provision.keys.export.coresntp import CORESNTP
from provision.keys.export.format import Format
from provision.keys.export.ntpd import NTPD, NTPSEC

FORMATS: Mapping[str, Format] = {
    "chrony": CHRONY,
    "ntp.keys": NTPD,
    "ntpsec": NTPSEC,
    "busybox": BUSYBOX,
    "coresntp": CORESNTP,
    "json": JSON,
}
"""By the name that ``keys.export --format`` takes."""
