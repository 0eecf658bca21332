"""Translate ntp.conf, of ntpd of ntp.org and of NTPsec, to statements of chrony.

Sources: ntp.conf(5) of both, and their parsers of ``restrict`` and ``fudge``. A line without a counterpart is named.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from posixpath import dirname

from provision.chrony.statement import Statement
from provision.common.results import Fate, Remark
from provision.takeover.command_line import parse_ntpd
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.remark import COMMAND_LINE, carried, changed, lost
from provision.takeover.statements import matches

_MOST_LEVELS = 5
"""Nested includes beyond which ntpd stops (ntp_scanner.h, MAXINCLUDELEVEL)."""
_FLAGS = {
    "iburst": "iburst",
    "burst": "burst",
    "prefer": "prefer",
    "noselect": "noselect",
    "true": "trust",
    "nts": "nts",
    "xleave": "xleave",
}
"""Options of a server without a value, and their names in chrony."""
_VALUES = {"minpoll", "maxpoll", "version", "key"}
_LOST_VALUES = {"ttl", "mode", "bias", "ask", "require", "cert", "ca", "aead"}
"""Options of a server with a value that have no counterpart."""
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
_REFUSING = {"ignore", "noserve"}
_ABOUT_QUERIES = {"nomodify", "noquery", "notrap", "nopeer", "noepeer", "kod", "lowpriotrap", "nomrulist", "mssntp"}
"""Flags of ``restrict`` about mode 6, peers and answers to those who are refused: chronyd has none of these."""
_ATOM = "127.127."
_LOCAL, _SHM, _PPS = 1, 28, 22
_DRIVERS = {
    20: "chronyd reads no serial clock: let gpsd read it, and name refclock SHM 0 or SOCK in time.extra",
    46: "chronyd does not ask gpsd: gpsd writes to refclock SHM 0 or SOCK, which time.extra names",
}
"""Reference clocks of ntpd by their number (ntp.conf(5)), and what to do instead."""
_NTPSEC_DRIVERS = {"local": _LOCAL, "shm": _SHM, "pps": _PPS, "nmea": 20, "gpsd": 46}
_DEFAULT_LOCAL_STRATUM = "5"
_FOLDER = "ntp.d"
"""The folder beside ntp.conf that NTPsec reads after it (ntpd(8) of NTPsec)."""
_LOST_OPTIONS = {
    "4": "the site file cannot restrict chronyd to IPv4",
    "6": "the site file cannot restrict chronyd to IPv6",
    "I": _INTERFACES,
    "L": _INTERFACES,
    "k": "name the file in a line keys of ntp.conf, and import again",
    "t": "name the key in a line trustedkey of ntp.conf, and import again",
}
"""Options of ntpd's command line (ntpd(8)) that a deployment does not have."""


def lines_of(service: ExistingService) -> tuple[Statement, ...]:
    """Return the lines of ntp.conf with those of included files in their place; comments are removed."""
    if not service.files:
        return ()
    texts = {file.path: file.text for file in service.files}
    found = list(_lines(service.files[0], texts, 1))
    if service.program is Program.NTPSEC:
        for path in _named(_FOLDER, texts):
            found += _lines(ConfigFile(path=path, text=texts[path]), texts, 1)
    return tuple(found)


def _lines(file: ConfigFile, texts: Mapping[str, str], level: int) -> Iterator[Statement]:
    for number, text in enumerate(file.text.split("\n"), start=1):
        words = tuple(text.partition("#")[0].split())
        if not words:
            continue
        statement = Statement(words, file.path, number)
        if statement.name not in {"includefile", "include"}:
            yield statement
        elif statement.arguments and level < _MOST_LEVELS:
            for path in _named(statement.arguments[0].strip('"'), texts):
                yield from _lines(ConfigFile(path=path, text=texts[path]), texts, level + 1)


def _named(pattern: str, texts: Mapping[str, str]) -> list[str]:
    """Return the files that a line includes, in order: those of a pattern, or those in ``.conf`` of a folder."""
    pattern = pattern.rstrip("/")
    files = {path for path in texts if _is_named(path, pattern)}
    in_folder = {path for path in texts if path.endswith(".conf") and _is_named(dirname(path), pattern)}
    return sorted(files | in_folder)


def _is_named(path: str, pattern: str) -> bool:
    if not pattern.startswith("/"):
        # It begins at the folder of the file that includes it, which is in each of these paths.
        path = "/".join(path.split("/")[-1 - pattern.count("/") :])
    return matches(path, pattern)


@dataclass(slots=True)
class _Translation:
    """Collect the settings of a whole file."""

    found: list[Statement] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    fudges: dict[str, dict[str, str]] = field(default_factory=dict)
    """Options of each reference clock, by its address 127.127.DRIVER.UNIT."""
    rules: list[Statement] = field(default_factory=list)
    """The lines ``restrict``."""

    def add(self, statement: Statement, *words: str) -> None:
        self.found.append(Statement(words, statement.file, statement.line))


def translated(service: ExistingService) -> tuple[tuple[Statement, ...], tuple[Remark, ...]]:
    """Return the statements of chrony, and remarks about what they do not say."""
    lines = lines_of(service)
    result = _Translation()
    for line in lines:
        if line.name == "fudge" and line.arguments:
            result.fudges.setdefault(line.arguments[0], {}).update(_pairs(line.arguments[1:]))
    for line in lines:
        _translate(line, result, service.program)
    place = service.files[0].path if service.files else service.name
    _access(result, place)
    _clock_control(parse_ntpd(service.command), place, result)
    return tuple(result.found), tuple(result.remarks)


def _clock_control(options: tuple[tuple[str, str], ...], place: str, result: _Translation) -> None:
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
            result.remarks.append(Remark(fate=Fate.LOST, place=COMMAND_LINE, line=line, why=_LOST_OPTIONS[letter]))
    result.found += [Statement(("rtcsync",), place), makestep]
    why = f"{steps}; time.makestep does so in the first 3 updates"
    result.remarks.append(Remark(fate=Fate.CHANGED, place=place, line="steps of the clock", why=why))


def trusted(lines: Iterable[Statement]) -> frozenset[int]:
    """Return the ids of ``trustedkey``: ntpd uses no other key. Ranges are ``(ID ... ID)``."""
    ids: set[int] = set()
    for line in lines:
        if line.name != "trustedkey":
            continue
        words = " ".join(line.arguments).replace("...", " ... ").replace("(", " ").replace(")", " ").split()
        for number, word in enumerate(words):
            if word.isdecimal():
                ids.add(int(word))
            if word == "..." and 0 < number < len(words) - 1:
                first, last = words[number - 1], words[number + 1]
                if first.isdecimal() and last.isdecimal():
                    ids.update(range(int(first), min(int(last), 65535) + 1))
    return frozenset(ids)


def _translate(line: Statement, result: _Translation, program: Program) -> None:
    match line.name:
        case "peer" if program is Program.NTPSEC:
            # ntp.conf(5) of NTPsec: peer is another word for server.
            _source(Statement(("server", *line.arguments), line.file, line.line), result)
        case "server" | "pool" | "peer":
            _source(line, result)
        case "refclock":
            _ntpsec_clock(line, result)
        case "restrict":
            result.rules.append(line)
        case "tos":
            _tos(line, result)
        case name if name in _RENAMED and line.arguments:
            result.add(line, _RENAMED[name], line.arguments[0].strip('"'))
        case "keys" | "trustedkey" | "keysdir":
            result.remarks.append(carried(line, "see the keys"))
        case "fudge":
            pass
        case _:
            why = _GONE.get(line.name, "has no counterpart in chrony")
            result.remarks.append(lost(line, why))


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    return dict(zip((word.lower() for word in words[::2]), words[1::2], strict=False))


def _source(line: Statement, result: _Translation) -> None:
    words = list(line.arguments)
    family = [f"ipv{word[1]}" for word in words if word in {"-4", "-6"}]
    words = [word for word in words if word not in {"-4", "-6"}]
    if not words:
        result.remarks.append(lost(line, "names no server"))
        return
    address = words.pop(0)
    if address.startswith(_ATOM):
        _clock(line, address, words, result)
        return
    options, gone = _server_options(words)
    address, port = _without_port(address)
    if port:
        options += ["ntsport" if "nts" in options else "port", port]
    if gone:
        why = f"the server is carried without {', '.join(gone)}, which chrony does not have"
        if "autokey" in gone and not {"key", "nts"} & set(options):
            why += "; it is asked without authentication"
        result.remarks.append(lost(line, why))
    result.add(line, line.name, address, *options, *family)


def _server_options(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the options of a server in the words of chrony, and those that chrony does not have."""
    options: list[str] = []
    gone: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0).lower()
        if word in _FLAGS:
            options.append(_FLAGS[word])
        elif word in _VALUES and left:
            options += [word, left.pop(0)]
        else:
            gone.append(word)
            if word in _LOST_VALUES and left:
                left.pop(0)
    return options, gone


def _without_port(address: str) -> tuple[str, str]:
    """Return the parts of HOST:PORT and [IPv6]:PORT, as NTPsec has them; the port is empty if there is none."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        return host, rest.removeprefix(":")
    if address.count(":") == 1:
        host, _, port = address.partition(":")
        return host, port
    return address, ""


def _clock(line: Statement, address: str, words: list[str], result: _Translation) -> None:
    """Translate ``server 127.127.DRIVER.UNIT``."""
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        result.remarks.append(lost(line, "names no reference clock"))
        return
    options = {word.lower() for word in words if word.lower() in {"prefer", "noselect"}}
    _refclock(line, int(parts[2]), parts[3], options, _pairs_of(words) | result.fudges.get(address, {}), result)


def _pairs_of(words: list[str]) -> dict[str, str]:
    """Return the options with a value among the words of a clock."""
    plain = [word for word in words if word.lower() not in {"prefer", "noselect", "iburst", "burst", "true"}]
    return _pairs(tuple(plain))


def _ntpsec_clock(line: Statement, result: _Translation) -> None:
    """Translate ``refclock NAME unit N``, as NTPsec has it."""
    name, *words = [word.lower() if number == 0 else word for number, word in enumerate(line.arguments)] or [""]
    options = {word.lower() for word in words if word.lower() in {"prefer", "noselect"}}
    values = _pairs_of(words)
    driver = _NTPSEC_DRIVERS.get(name)
    if driver is None:
        result.remarks.append(lost(line, "chronyd has no such driver; it has SHM, SOCK, PPS, PHC and RTC"))
        return
    _refclock(line, driver, values.get("unit", "0"), options, values, result)


def _refclock(
    line: Statement, driver: int, unit: str, flags: set[str], values: Mapping[str, str], result: _Translation
) -> None:
    if driver == _LOCAL:
        result.add(line, "local", "stratum", values.get("stratum", _DEFAULT_LOCAL_STRATUM))
        return
    if driver == _PPS:
        why = f"name it in time.extra, with the source that numbers its seconds: refclock PPS /dev/pps{unit} lock REFID"
        result.remarks.append(lost(line, why))
        return
    if driver != _SHM:
        result.remarks.append(lost(line, _DRIVERS.get(driver, "chronyd has no such driver")))
        return
    words = ["refclock", "SHM", unit]
    for option, name in (("refid", "refid"), ("time1", "offset"), ("minpoll", "poll"), ("stratum", "stratum")):
        if option in values:
            words += [name, values[option]]
    result.add(line, *words, *sorted(flags))


def _tos(line: Statement, result: _Translation) -> None:
    if len(line.arguments) % 2:
        result.remarks.append(lost(line, f"{line.arguments[-1]} has no value"))
    for option, value in _pairs(line.arguments).items():
        if option == "orphan":
            result.add(line, "local", "stratum", value, "orphan")
        elif option in _TOS:
            result.add(line, _TOS[option], value)
        else:
            result.remarks.append(lost(line, f"{option} has no counterpart in chrony"))


def _access(result: _Translation, place: str) -> None:
    """Translate the lines ``restrict``: of those that contain an address, the narrowest decides, as in chrony."""
    open_by_default = {4: True, 6: True}
    # Several lines about one network add their flags (ntp_restrict.c, hack_restrict).
    refused = [line for line in result.rules if _REFUSING & _flags(line)]
    for line in refused:
        for version in _default_of(line):
            open_by_default[version] = False
    denied = {_network(line) for line in refused}
    default = next((line for line in result.rules if list(_default_of(line))), Statement(("restrict",), place))
    for version, network in ((4, "0.0.0.0/0"), (6, "::/0")):
        if open_by_default[version]:
            result.add(default, "allow", network)
    if all(open_by_default.values()) and not result.rules:
        result.remarks.append(
            Remark(fate=Fate.CARRIED, place=place, line="allow", why="ntpd serves everyone without a line restrict")
        )
    for line in result.rules:
        _rule(line, denied, result)
    if any("limited" in _flags(line) for line in result.rules):
        limited = next(line for line in result.rules if "limited" in _flags(line))
        result.add(limited, "ratelimit")
        result.remarks.append(changed(limited, "limited is ratelimit, for all clients, with the limits of chrony"))


def _rule(line: Statement, denied: Collection[str | None], result: _Translation) -> None:
    flags = _flags(line)
    if "notrust" in flags:
        result.remarks.append(lost(line, "notrust: chronyd answers requests without a key, too, where it answers any"))
    if "version" in flags or "ntpport" in flags:
        result.remarks.append(lost(line, "version and ntpport: chronyd does not tell requests apart by these"))
    if _ABOUT_QUERIES & flags:
        result.remarks.append(carried(line, "its flags about queries are for mode 6, which chronyd does not have"))
    if list(_default_of(line)) or line.arguments[:1] == ("source",):
        return
    network = _network(line)
    if network is None:
        result.remarks.append(lost(line, "names no IP network; write it in serve.allow or serve.deny"))
        return
    verb = "deny" if network in denied else "allow"
    result.add(line, verb, network)


def _words(line: Statement) -> list[str]:
    return [word for word in line.arguments if word not in {"-4", "-6"}]


def _flags(line: Statement) -> set[str]:
    """Return the flags of a line, in lower case: what follows the address and its mask."""
    words = _words(line)[1:]
    if words[:1] == ["mask"]:
        words = words[2:]
    return {word.lower() for word in words}


def _default_of(line: Statement) -> Iterator[int]:
    """Yield the IP versions whose default a line sets; ``restrict default`` sets both."""
    if _words(line)[:1] != ["default"]:
        return
    if "-6" not in line.arguments:
        yield 4
    if "-4" not in line.arguments:
        yield 6


def _network(line: Statement) -> str | None:
    words = _words(line)
    if not words:
        return None
    text = words[0]
    if words[1:2] == ["mask"] and len(words) > 2:
        text = f"{text}/{_bits(words[2])}"
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return None


def _bits(mask: str) -> str:
    """Return the length of a mask; the mask itself if it is none."""
    try:
        number = ip_address(mask)
    except ValueError:
        return mask
    bits = f"{int(number):0{number.max_prefixlen}b}"
    if "01" in bits:
        return mask
    return str(bits.count("1"))
