"""Translate ntp.conf, of ntpd of ntp.org and of NTPsec, to statements of chrony.

Sources: ntp.conf(5) of both, and their parsers of ``restrict`` and ``fudge``. A line without a counterpart is named.
"""

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark
from provision.takeover.command_line import parse_ntpd
from provision.takeover.existing import ExistingService, Program
from provision.takeover.ntp_conf.collector import Collector, pairs
from provision.takeover.ntp_conf.lines import lines_of
from provision.takeover.ntp_conf.refclocks import add_ntpsec_clock
from provision.takeover.ntp_conf.restrict import add_access
from provision.takeover.ntp_conf.servers import add_source
from provision.takeover.remark import COMMAND_LINE, carried, lost

_INTERFACES = "chronyd opens its port on all addresses; bindaddress in time.extra names one"

_GONE = {
    "automax": "autokey is not in chrony; use a key or nts",
    "autokey": "autokey is not in chrony; use a key or nts",
    "broadcast": "chronyd sends no broadcasts to ntpd's broadcast clients; name this host as their server",
    "broadcastclient": "chronyd does not listen to broadcasts; name servers in time.servers",
    "controlkey": "chronyc is asked on the host itself, without a key",
    "crypto": "autokey is not in chrony; use a key or nts",
    "disable": "chronyd has no such switch",
    "discard": "write the limits as ratelimit in time.extra",
    "enable": "chronyd has no such switch",
    "filegen": "chronyd writes no such statistics; time.log names its log files",
    "interface": _INTERFACES,
    "logconfig": "chronyd logs to the journal",
    "logfile": "chronyd logs to the journal",
    "manycastclient": "chronyd has no manycast; name servers in time.servers",
    "manycastserver": "chronyd has no manycast; name servers in time.servers",
    "monitor": "chronyd keeps a list of clients by itself; chronyc clients shows it",
    "mru": "chronyd keeps a list of clients by itself; clientloglimit in time.extra has its size",
    "multicastclient": "chronyd does not listen to multicasts; name servers in time.servers",
    "nic": _INTERFACES,
    "nts": "name ntsservercert and ntsserverkey in time.extra to serve NTS",
    "pidfile": "the unit of a deployment knows its process without",
    "requestkey": "chronyc is asked on the host itself, without a key",
    "setvar": "mode 6 is not in chrony",
    "statistics": "chronyd writes no such statistics; time.log names its log files",
    "statsdir": "chronyd writes no such statistics; time.log names its log files",
    "tinker": "chronyd steers the clock in its own way; time.makestep says when it is stepped",
    "trap": "mode 6 is not in chrony",
    "unpeer": "chronyd reads no such line; leave the peer out",
    "unrestrict": "chronyd reads no such line; leave the rule out",
}
"""Directives without a counterpart, and what to do instead."""

_RENAMED = {
    "driftfile": "driftfile",
    "leapfile": "leapseclist",
    "dscp": "dscp",
    "ntpsigndsocket": "ntpsigndsocket",
}
"""Directives with one argument, and their names in chrony."""

_TOS = {"minsane": "minsources", "maxdist": "maxdistance"}

_LOST_OPTIONS = {
    "4": "the site file cannot restrict chronyd to IPv4",
    "6": "the site file cannot restrict chronyd to IPv6",
    "I": _INTERFACES,
    "L": _INTERFACES,
    "k": "name the file in a line keys of ntp.conf, and import again",
    "t": "name the key in a line trustedkey of ntp.conf, and import again",
}
"""Options of ntpd's command line (ntpd(8)) that a deployment does not have."""


def translated(service: ExistingService) -> tuple[tuple[Statement, ...], tuple[Remark, ...]]:
    """Return the statements of chrony, and remarks about what they do not say."""
    lines = lines_of(service)
    into = Collector()
    for line in lines:
        if line.name == "fudge" and line.arguments:
            into.fudges.setdefault(line.arguments[0], {}).update(pairs(line.arguments[1:]))
    for line in lines:
        _translate(line, into, service.program)
    place = service.files[0].path if service.files else service.name
    add_access(into, place)
    _clock_control(parse_ntpd(service.command), place, into)
    return tuple(into.found), tuple(into.remarks)


def _clock_control(options: tuple[tuple[str, str], ...], place: str, into: Collector) -> None:
    """Add the way in which ntpd sets the clocks, and the options of its command line that are lost."""
    # ntpd sets the hardware clock through the kernel, as rtcsync does, and steps the clock when it is far off.
    makestep = Statement(("makestep", "1", "3"), place)
    steps = "ntpd steps it whenever it is off by 128 ms"
    for letter, value in options:
        if letter == "x":
            makestep = Statement(("makestep", "600", "3"))
            steps = "ntpd -x steps it only if it is off by 600 s"
        if letter in _LOST_OPTIONS:
            line = f"-{letter} {value}".strip()
            into.remarks.append(Remark(fate=Fate.LOST, place=COMMAND_LINE, line=line, why=_LOST_OPTIONS[letter]))
    into.found += [Statement(("rtcsync",), place), makestep]
    why = f"{steps}; time.makestep does so in the first 3 updates"
    into.remarks.append(Remark(fate=Fate.CHANGED, place=place, line="steps of the clock", why=why))


def _translate(line: Statement, into: Collector, program: Program) -> None:
    match line.name:
        case "peer" if program is Program.NTPSEC:
            # ntp.conf(5) of NTPsec: peer is another word for server.
            add_source(Statement(("server", *line.arguments), line.file, line.line), into)
        case "server" | "pool" | "peer":
            add_source(line, into)
        case "refclock":
            add_ntpsec_clock(line, into)
        case "restrict":
            into.rules.append(line)
        case "tos":
            _tos(line, into)
        case name if name in _RENAMED and line.arguments:
            into.add(line, _RENAMED[name], line.arguments[0].strip('"'))
        case "keys" | "trustedkey" | "keysdir":
            into.remarks.append(carried(line, "see the keys"))
        case "fudge":
            pass
        case _:
            why = _GONE.get(line.name, "has no counterpart in chrony")
            into.remarks.append(lost(line, why))


def _tos(line: Statement, into: Collector) -> None:
    if len(line.arguments) % 2:
        into.remarks.append(lost(line, f"{line.arguments[-1]} has no value"))
    for option, value in pairs(line.arguments).items():
        if option == "orphan":
            into.add(line, "local", "stratum", value, "orphan")
        elif option in _TOS:
            into.add(line, _TOS[option], value)
        else:
            into.remarks.append(lost(line, f"{option} has no counterpart in chrony"))
