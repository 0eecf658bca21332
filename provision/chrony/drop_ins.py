"""List the directives and variables of a drop-in that can neither stop nor mislead chronyd.

All other settings of a drop-in are reported: a limit can kill chronyd (setrlimit(2)), a quota can starve it, and a
variable can redirect the names of its sources (resolv.conf(5), hostname(7)).
"""

import re
from collections.abc import Mapping

ANY_VALUE = re.compile(
    r"Description|Documentation|After|Before|Wants|OnFailure|OnSuccess"
    r"|StartLimitBurst|StartLimitInterval(Sec)?"
    r"|Nice|IOScheduling\w+|(CPU|Memory|IO|BlockIO|IP|Tasks)Accounting|(Startup)?(CPU|IO|BlockIO)(Weight|Shares)"
    r"|OOMScoreAdjust|OOMPolicy|Restart\w*|Timeout(Start|Stop)FailureMode|LimitCORE"
    r"|Syslog\w+|LogRateLimit\w+|LogExtraFields"
)
"""Names of directives that are harmless with every value."""
OUTPUTS = re.compile(r"inherit|null|(journal|syslog|kmsg)(\+console)?")
"""Harmless targets of chronyd's output; a file is not, because systemd would open it as root (systemd.exec(5))."""
FLOORS = {"LimitNOFILE": 1024, "LimitNPROC": 64, "TasksMax": 64}
"""Lower limits of resources, with a large margin: a descriptor for each source, a few processes."""
LEAST_TIME = {
    "TimeoutStartSec": ("TimeoutStartSec",),
    "TimeoutStopSec": ("TimeoutStopSec",),
    "TimeoutAbortSec": ("TimeoutStopSec",),
    "TimeoutSec": ("TimeoutStartSec", "TimeoutStopSec"),
}
"""Times of the unit that each directive must not shorten."""

HARMLESS_VARIABLE = re.compile(r"LANG|LANGUAGE|LC_[A-Z]+|(http|https|ftp|no|all)_proxy|(HTTP|HTTPS|FTP|NO|ALL)_PROXY")
"""Environment variables that a drop-in may set: chronyd sets no locale and does not use HTTP."""
TRUSTED_VARIABLE = re.compile(
    r"(?!LD_|GLIBC_|MALLOC_|GNUTLS_|P11_KIT_|SSL|OPENSSL_|NETTLE_|CHRONY_|LISTEN_|NOTIFY_|WATCHDOG_"
    r"|RES_|RESOLV_|NSS_|SYSTEMD_NSS_|(HOSTALIASES|LOCALDOMAIN|TZDIR|LOCPATH|NLSPATH|GCONV_PATH)$)[A-Za-z_]\w*"
)
"""Environment variables of a process that the dynamic linker, the libraries and chronyd do not read.

systemd itself sets more variables than a drop-in may, and DefaultEnvironment= of system.conf belongs to the host. TZ is
allowed: chronyd sets its own for leap seconds (leapdb.c).
"""

_SECONDS = {"us": 1e-6, "ms": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1}
_SECONDS |= dict.fromkeys(("m", "min", "minute", "minutes"), 60) | dict.fromkeys(("h", "hr", "hour", "hours"), 3600)
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*")


def is_harmless(name: str, value: str, unit: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether a directive with this value can neither stop nor mislead a chronyd that runs with ``unit``."""
    if name == "Environment":
        return _sets_harmless_variables(value)
    if name in FLOORS:
        return _is_enough(value, FLOORS[name])
    if name in LEAST_TIME:
        return all(_is_as_long(value, unit.get(least, ())) for least in LEAST_TIME[name])
    if name in {"StandardOutput", "StandardError"}:
        return OUTPUTS.fullmatch(value) is not None
    return ANY_VALUE.fullmatch(name) is not None


def parse_time(text: str) -> float | None:
    """Return the seconds of a time span such as "1min 30s" (systemd.time(7)), or None if it cannot be parsed."""
    if text == "infinity":
        return float("inf")
    parts = _TIME.findall(text)
    if not parts or _TIME.sub("", text) or any(word not in _SECONDS for _, word in parts):
        return None
    return sum(float(number) * _SECONDS[word] for number, word in parts)


def _sets_harmless_variables(value: str) -> bool:
    # systemd.exec(5): a line may have several names, each of them quoted. An empty line removes all variables, ours
    # too.
    names = [word.partition("=")[0] for word in re.findall(r"""["']?([^\s"']+=?)""", value) if "=" in word]
    return bool(names) and all(HARMLESS_VARIABLE.fullmatch(one) for one in names)


def _is_enough(value: str, floor: int) -> bool:
    # systemd.exec(5): "soft:hard", or one for both.
    if re.fullmatch(r"([0-9]{1,20}|infinity)(:([0-9]{1,20}|infinity))?", value) is None:
        return False
    return all(limit == "infinity" or int(limit) >= floor for limit in value.split(":"))


def _is_as_long(value: str, least: tuple[str, ...]) -> bool:
    wanted = parse_time("".join(least))
    given = parse_time(value)
    return wanted is not None and given is not None and given >= wanted
