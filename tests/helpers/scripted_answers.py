"""What a scripted host answers to each question, by its state, in the words of its script."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256

from provision.deploy.steps.boot_wait import WAIT_UNIT
from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.deploy.steps.metrics_textfile import SCRIPT, SERVICE, TIMER
from provision.deploy.steps.timedatectl import NTP_UNITS
from provision.host.paths import ROOT, UNIT_PATH
from tests.helpers.script_calls import Call
from tests.helpers.scripted_state import (
    BUILD_SAID,
    KEYGEN,
    NOT_DEPLOYED,
    REAL_BUILD,
    REAL_COMMAND,
    REAL_ID,
    SAID,
    ScriptedState,
)

CHRONYC = ("tracking", "sources", "authdata", "ntpdata")
"""The commands that print_status.sh gives to chronyc."""


def _place(host: ScriptedState, _: Call) -> str:
    built = "built yes\n" if host.built else ""
    return f"{built}builds rw,relatime\nwork rw,relatime\nunits rw,relatime\nfree 9000\ncurrent {_link(host)}"


def _link(host: ScriptedState) -> str:
    return f"generations/{host.current}" if host.current else ""


def _build(host: ScriptedState, _: Call) -> str:
    return f"{SAID}tree\n{host.build_tree}\n{SAID}sums\n{host.sums}" if host.built else "missing"


def _packages(host: ScriptedState, _: Call) -> str:
    return "built" if host.built else host.packages


def _file(host: ScriptedState, call: Call) -> str:
    found = host.files.get(call.values["path"])
    if found is None:
        return "missing"
    data, mode, group = found
    return f"{mode} root:{group}\n{sha256(data).hexdigest()}  -\n{data.decode()}"


def _generation(host: ScriptedState, call: Call) -> str:
    id_ = call.arguments[0].rpartition("/")[2]
    tree = host.generation_tree(id_) if id_ in host.staged else "missing"
    now = host.generations.get(host.current)
    conf, unit, socket = (now.conf, now.unit, now.socket) if now else ("", host.admins_unit, "")
    units = f"{SAID}chronyd.service\n{unit}\n{SAID}chronyd.socket\n{socket}"
    return f"{SAID}generation\n{tree}\n{SAID}chrony.conf\n{conf}\n{units}"


def _active(host: ScriptedState, _: Call) -> str:
    if not host.current:
        there = "missing"
        if host.admins_unit:
            there = sha256(host.admins_unit.encode()).hexdigest()
        sockets = "socket unit=none\nsocket=none"
        shown = f"current=\nunit file={there}\n{sockets}"
        state = "MainPID=0\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no"
        return f"{shown}\n{state}\n{host.others}"
    one = host.generations[host.current]
    return (
        f"current={_link(host)}\nunit file={sha256(one.unit.encode()).hexdigest()}\n"
        f"socket unit={one.socket_sha256 or 'none'}\nsocket={'active' if one.socket else 'none'}\n"
        "MainPID=4925\nActiveState=active\n"
        f"UnitFileState=enabled\nNeedDaemonReload=no\nrunning generation={host.running}\n"
        f"executable={one.recipe.prefix}/sbin/chronyd\n{host.others}"
    )


def _evidence(host: ScriptedState, call: Call) -> str:
    """Return the evidence of the real server, with the generation that is current here."""
    if not host.current:
        return NOT_DEPLOYED
    one = host.generations[host.current]
    text = host.evidence.replace(REAL_ID, host.running).replace(REAL_BUILD, one.recipe.name)
    if one.socket:
        # The real server had CAP_NET_BIND_SERVICE, bit 10.
        text = text.replace("=cap_net_bind_service", "=")
        text = re.sub(r"(?m)^(process=Cap(Eff|Bnd)=).*", r"\g<1>0000000000000000", text)
    unit = "".join(f"unit={line}\n" for line in one.unit.splitlines())
    command = re.findall(r"(?m)^ExecStart=(.+)$", one.unit)[0]
    if call.values.get("tells_state") == "yes":
        text = text.replace(f"{SAID}finished", f"{_state(host)}{SAID}finished")
    return re.sub(r"(unit=.*\n)+", lambda _: unit, text.replace(REAL_COMMAND, command))


def _unit(host: ScriptedState, call: Call) -> str:
    if not host.current:
        return "container=\nproperty=MainPID=0\nproperty=FragmentPath=\nproperty=DropInPaths="
    return _evidence(host, call).partition(f"{SAID}unit\n")[2].partition(SAID)[0]


def _running(host: ScriptedState, call: Call) -> str:
    if not host.running:
        return f"{SAID}process"
    access = host.generations[host.running].running.access
    said = []
    for question in call.arguments[2].splitlines():
        address = question.removeprefix("accheck ")
        if address != question:
            said.append("208 Access allowed" if access and access.admits(address) else "209 Access denied")
    sources = host.generations[host.running].running.sources
    said += [f"^,*,{name},1,2,377,1,-0.000000892,-0.000001025,0.000026260" for name in sorted(sources)]
    answers = "\n".join(said)
    unit = f"regular file|0644|root:root|{UNIT_PATH}"
    return (
        f"{SAID}process\ngeneration={host.running}\nprogram=aa\ninstalled=aa\n{SAID}unit\n{unit}\n"
        f"{SAID}answers\n{answers}"
    )


def _unconfirmed(host: ScriptedState) -> str:
    if not host.unconfirmed:
        return ""
    fallback = host.fallback or "before"
    times = "reverts=2026-11-22T20:01:30Z\nnow=2026-11-22T20:00:30Z"
    return f"generation={host.unconfirmed}\nfallback={fallback}\n{times}\n"


def _confirmed(host: ScriptedState, _: Call) -> str:
    return f"{_unconfirmed(host)}current={host.current}"


def _status(host: ScriptedState, _: Call) -> str:
    """Return the state of the real server, with the generation that is current here."""
    one = host.generations[host.current]
    answers = [f"{SAID}{name}\n{_section(host.evidence, name)}" for name in CHRONYC]
    return (
        f"{SAID}generation\n{host.running}\n{SAID}executable\n{one.recipe.prefix}/sbin/chronyd\n"
        f"{''.join(answers)}{_state(host)}{SAID}finished\n"
    )


def _state(host: ScriptedState) -> str:
    """Return what status and verify tell of a host beside the answers about its clock and its sources."""
    return (
        f"{SAID}unconfirmed\n{_unconfirmed(host)}{SAID}chrony.conf\n{host.generations[host.current].conf}\n"
        f"{SAID}key ids\n1-2\n7-7\n{SAID}serverstats\n120,3,40,0,0,0,0,110\n"
        f"{SAID}sourcestats\n198.19.0.2,6,3,74,-0.512,1.5,-0.000003,0.000005\n"
        f"{SAID}names\n{_section(host.evidence, 'sources')}"
    )


def _clock_logs(host: ScriptedState, _: Call) -> str:
    return f"{SAID}tracking\n{host.tracking_log}\n{SAID}measurements\n{SAID}finished\n"


def _section(text: str, name: str) -> str:
    return text.partition(f"{SAID}{name}\n")[2].partition(SAID)[0]


def _history(host: ScriptedState, _: Call) -> str:
    lines = "\n".join(host.history)
    there = "\n".join(host.staged)
    waiting = f"{SAID}unconfirmed\n{_unconfirmed(host)}"
    return f"{SAID}history\n{lines}\n{SAID}current\n{host.current}\n{waiting}{SAID}generations\n{there}"


def _parts_of_generation(host: ScriptedState, call: Call) -> str:
    one = host.generations[call.arguments[0].rpartition("/")[2]]
    digest = sha256(one.unit.encode()).hexdigest()
    certificates = "".join(f"{SAID}{name}\n{text}" for name, text in one.certificates.files.items())
    return (
        f"{SAID}build\n{one.recipe.name}\n{SAID}unit\n{digest}  -\n{SAID}chrony.conf\n{one.conf}"
        f"{SAID}chrony.keys\n{one.keys.text}{SAID}chronyd.service\n{one.unit}"
        f"{SAID}chronyd.socket\n{one.socket}{certificates}"
        f"{SAID}generation tree\n{host.generation_tree(one.id)}\n{SAID}build tree\n{host.build_tree}\n"
        f"{SAID}sums\n{host.sums}"
    )


def _wait(host: ScriptedState, _: Call) -> str:
    found = host.files.get(WAIT_UNIT)
    enabled = "enabled" if host.waits else "disabled"
    return f"{sha256(found[0]).hexdigest()} {enabled}" if found else "missing"


def _rotation(host: ScriptedState, _: Call) -> str:
    found = host.files.get(ROTATION_FILE)
    return f"logrotate\nours {sha256(found[0]).hexdigest()}" if found else "logrotate"


def _units(host: ScriptedState, call: Call) -> str:
    units, _, *paths = call.arguments
    digests = {path: sha256(host.files[path][0]).hexdigest() for path in paths if path in host.files}
    files = [f"file {path} {digests.get(path, 'missing')}" for path in paths]
    states = {unit: "enabled active" if unit in host.units else "disabled inactive" for unit in units.split()}
    return "\n".join([*files, *(f"unit {unit} {state}" for unit, state in states.items())])


def _metrics(host: ScriptedState, call: Call) -> str:
    lines = [
        f"{path} {sha256(host.files[path][0]).hexdigest()}" for path in (SERVICE, TIMER, SCRIPT) if path in host.files
    ]
    states = ("timer enabled active", "age 12", "link ours") if call.arguments[4] and host.tells_metrics else ()
    return "\n".join((*lines, *states))


def _keys(host: ScriptedState, _: Call) -> str:
    return host.generations[host.current].keys.text if host.current else ""


def _list_of_units(host: ScriptedState, _: Call) -> str:
    found = host.files.get(NTP_UNITS)
    return found[0].decode().strip() if found else "missing"


def _ours(host: ScriptedState, _: Call) -> str:
    return f"{ROOT}/current {UNIT_PATH}" if host.current else ""


def _all_of_ours(host: ScriptedState, _: Call) -> str:
    return f"folder {ROOT}" if host.built or host.staged else ""


ASKED: Mapping[str, Callable[[ScriptedState, Call], str]] = {
    "print_facts": lambda host, _: f"{host.facts}\nowner=0 755 /\nowner=0 755 /opt\n",
    "look_file_systems": _place,
    "look_packages": _packages,
    "look_build": _build,
    "look_generation": _generation,
    "look_needs": lambda *_: "",
    "look_active": _active,
    "look_unit": _unit,
    "look_running": _running,
    "look_confirmed": _confirmed,
    "look_links": lambda host, _: "" if host.linked else "/usr/local/bin/chronyc",
    "look_wait": _wait,
    "look_rotation": _rotation,
    "look_units": _units,
    "print_key_usage": lambda *_: "unknown nothing counts on this host\nfinished\n",
    "look_metrics": _metrics,
    "look_restored": _ours,
    "look_purged": _all_of_ours,
    "print_clock_logs": _clock_logs,
    "print_evidence": _evidence,
    "print_own_services": lambda *_: f"{SAID}ntp port\nunknown\n{SAID}finished\n",
    "print_existing": lambda host, _: "deployed" if host.current else host.existing,
    "print_history": _history,
    "print_generation": _parts_of_generation,
    "print_records": lambda *_: "packages gcc make\nservice chrony.service\n",
    "print_status": _status,
    "print_firewall": lambda host, _: host.firewall,
    "verify_build": lambda *_: BUILD_SAID,
    "account there?": lambda host, _: "there" if host.account else "missing",
    "show file": _file,
    "rehearsed?": lambda host, call: "rehearsed" if call.values["id"] in host.rehearsed else "new",
    "show list": _list_of_units,
    "show keys": _keys,
    "show configure.log": lambda *_: BUILD_SAID,
    "keygen": lambda *_: KEYGEN,
}
"""The answer to each question, in the words of its script."""
