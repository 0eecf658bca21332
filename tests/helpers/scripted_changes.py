"""What each script changes on a scripted host."""

import io
import tarfile
from collections.abc import Callable, Mapping

from provision.deploy.steps.boot_wait import WAIT_UNIT
from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.deploy.steps.metrics_textfile import SCRIPT, SERVICE, TIMER
from tests.helpers.script_calls import Call
from tests.helpers.scripted_state import CONFIGURED, NO_FIREWALL, REHEARSED, ScriptedState


def _stage(host: ScriptedState, call: Call) -> str:
    upload, path, *_ = call.arguments
    id_ = path.rpartition("/")[2]
    with tarfile.open(fileobj=io.BytesIO(host.uploads[upload])) as tar:
        for name, text in (
            ("chrony.conf", host.generations[id_].conf),
            ("chrony.keys", host.generations[id_].keys.text),
        ):
            file = tar.extractfile(name)
            assert file is not None
            assert file.read() == text.encode()
    host.staged.append(id_)
    return ""


def _switch(host: ScriptedState, call: Call) -> str:
    id_ = call.values["id"]
    assert id_ in host.staged, f"{id_} is not on the host"
    if id_ != host.current:
        host.unconfirmed, host.fallback = id_, host.current
    host.current = host.running = id_
    host.others = ""
    _note(host, id_, "active", call.values["task"])
    return ""


def _note(host: ScriptedState, id_: str, outcome: str, task: str = "-") -> None:
    build = host.generations[id_].recipe.name
    host.history.append(f"2026-11-22T20:00:{len(host.history):02}Z alice@laptop {id_} {outcome} {build} conf {task}")


def _confirm(host: ScriptedState, call: Call) -> str:
    assert host.unconfirmed == call.values["id"]
    host.unconfirmed = ""
    _note(host, call.values["id"], "confirmed", "prove")
    return ""


def _go_back(host: ScriptedState, call: Call) -> str:
    assert host.current == host.unconfirmed == call.values["id"]
    host.current = host.running = host.fallback
    host.unconfirmed = ""
    return f"generation {host.fallback} runs again\n" if host.fallback else "active again: chrony.service\n"


def _restore(host: ScriptedState, _: Call) -> str:
    host.history.append(f"2026-11-22T20:00:{len(host.history):02}Z alice@laptop before active - - -")
    host.current = host.running = host.unconfirmed = ""
    host.linked = False
    return ""


def _purge(host: ScriptedState, _: Call) -> str:
    host.built, host.account = False, False
    host.staged.clear()
    host.files.clear()
    return ""


def _write(host: ScriptedState, call: Call) -> str:
    upload, path, mode, group = call.arguments
    host.files[path] = (host.uploads[upload], mode, group)
    return ""


def _do(**changes: object) -> Callable[[ScriptedState, Call], str]:
    """Return what sets attributes of a host."""

    def change(host: ScriptedState, _: Call) -> str:
        for name, value in changes.items():
            setattr(host, name, value)
        return ""

    return change


def _remove_rotation(host: ScriptedState, _: Call) -> str:
    del host.files[ROTATION_FILE]
    return ""


def _remove_units(host: ScriptedState, call: Call) -> str:
    for path in call.arguments[2:]:
        host.files.pop(path, None)
    host.units = host.units.difference(call.arguments[0].split())
    host.waits = host.waits and WAIT_UNIT in host.files
    return ""


def _start_units(host: ScriptedState, call: Call) -> str:
    host.units = host.units.union(call.arguments)
    return ""


def _remove_metrics(host: ScriptedState, _: Call) -> str:
    for path in (SERVICE, TIMER, SCRIPT):
        host.files.pop(path, None)
    host.tells_metrics = False
    return ""


def _rehearsed(host: ScriptedState, call: Call) -> str:
    host.rehearsed.add(call.values["id"])
    return ""


def _says(text: str) -> Callable[[ScriptedState, Call], str]:
    return lambda *_: text


CHANGED: Mapping[str, Callable[[ScriptedState, Call], str]] = {
    "install_packages": _do(packages=""),
    "install packages": _do(packages=""),
    "await_beside": _do(),
    "reserve_folder": _do(),
    "build_nettle": _do(),
    "configure_chrony": _says(CONFIGURED),
    "build_chrony": _do(),
    "run_unit_tests": _says("Testing cmac                     PASS\n"),
    "collect_build": _do(),
    "list_libraries": _says("libc.so.6 libc6\n"),
    "finish_build": _do(),
    "pack_build": _do(),
    "unpack_build": _do(),
    "place_build": _do(built=True),
    "make account": _do(account=True),
    "place_file": _write,
    "stage": _stage,
    "rehearse": _says(REHEARSED),
    "with_credentials": _says(REHEARSED),
    "note rehearsal": _rehearsed,
    "switch": _switch,
    "switch --confirm": _confirm,
    "switch --back": _go_back,
    "switch --stop-conflicts": _do(others=""),
    "switch --before": _restore,
    "firewall_open": _do(firewall=NO_FIREWALL),
    "firewall_close": _do(),
    "make_links": _do(linked=True),
    "make list folder": _do(),
    "enable wait": _do(waits=True),
    "remove rotation": _remove_rotation,
    "start_units": _start_units,
    "remove_units": _remove_units,
    "remove metrics": _remove_metrics,
    "start_metrics": _do(tells_metrics=True),
    "purge": _purge,
}
"""What each script changes."""
