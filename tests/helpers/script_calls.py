"""Which script a host was sent: by its text, the name of its file or of its line, and its arguments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from provision.deploy.steps.log_rotation import ROTATION_FILE
from provision.host import scripts
from provision.host.host import IN_DISGUISE
from provision.host.paths import KEY_FILE, ROOT, SWITCH

SURVEY = re.compile(r"\(\n(.*?)\n\)\nprintf '\\n%s %s\\n' (==[0-9a-f]{16}==) \$\?\n?", re.DOTALL)
STILL_OURS = re.compile(r"\[ -d /\S+ \] \|\| \{ echo 'the connection was lost for too long' >&2; exit 75; \}\n")
RESTART_TIMEDATED = "systemctl try-restart systemd-timedated.service || true"
FILES = {
    path.stem: scripts.code(path.stem)
    for path in sorted(Path(scripts.__file__).parent.rglob("*.sh"))
    if path.parent.name != "functions"
}
"""Name of a script → its text."""
FUNCTIONS = {name: scripts.functions(name) for name in FILES}
"""Name of a script → the text of the functions before it. Each question is compared with all of them: read once."""
NOBODY = f"{scripts.functions('as_nobody')}{scripts.code('as_nobody')}as_nobody sh -c "
QUOTED = r"""'[^']*'|"'\""""
WORD = re.compile(rf"(?:[^\s'\"\\]|{QUOTED})+")
"""A word as shlex.quote writes it."""
LINES = {
    "account there?": r"getent passwd '?(?P<user>\w+)'? >/dev/null && getent group .*",
    "make account": r".*useradd -r .*",
    "show file": r"if \[ -L (?P<path>\S+) \]; then echo symlink; .*",
    "rehearsed?": rf"if \[ \"\$\(readlink {ROOT}/current\)\" = generations/(?P<id>\w+) \] .*",
    "note rehearsal": rf"touch {ROOT}/generations/(?P<id>\w+)/rehearsed",
    "show list": r"if \[ -e /etc/systemd/ntp-units\.d/\S+ \]; then cat .*",
    "make list folder": r"mkdir -p /etc/systemd/ntp-units\.d",
    "show keys": rf"if \[ -e {KEY_FILE} \]; then cat .*",
    "keygen": r".*chronyc keygen 1 AES128'?",
    "show configure.log": r"echo '==> configure.log'; cat .*",
    "switch --confirm": rf"set -e\n\S+ CHRONY_PROVISION_TASK=prove {SWITCH} --confirm (?P<id>\w+)\n.*",
    "switch --back": rf"\S+ {SWITCH} --back (?P<id>\w+)",
    "switch --stop-conflicts": rf"{SWITCH} --stop-conflicts",
    "switch": r"\S+ CHRONY_PROVISION_TASK=(?P<task>\w+) (?P<answered>CHRONY_PROVISION_ANSWERED=yes )?"
    rf"{SWITCH} (?P<id>\w+) (?P<seconds>\d+)",
    "switch --before": r"export CHRONY_PROVISION_WHO=\S+\nset -- --before\n.*",
    "install packages": r"missing=\$\(\n.*",
    "enable wait": r"systemctl -q enable chronyd-wait\.service",
    "remove rotation": rf"rm -f {ROTATION_FILE}",
    "remove metrics": r".*\nremove_metrics /etc/systemd/system \S+ \S+\nsystemctl daemon-reload",
}
"""The scripts that stand in no file of their own, by what they do."""


@dataclass(frozen=True, slots=True)
class Call:
    """A script that was run: the name of its file, or of its line in LINES, and its arguments or values."""

    name: str
    arguments: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


def call_of(script: str) -> Call:
    """Return what a script is. Raises AssertionError."""
    if script.startswith("mkdir -m 0700 ") and "\n(\n" in script:  # scripts.unprivileged
        script = script.partition("\n(\n")[2].removesuffix("\n)")
    if script.startswith(NOBODY):
        return call_of(words_of(script.removeprefix(NOBODY))[0])
    # The first question is two scripts, one behind the other: host.session.connect.
    _, is_first, behind = script.partition(FILES["print_facts"])
    if is_first:
        return Call("print_facts", (call_of(behind).name,))
    # Behind the list that timedated reads.
    script = script.removesuffix(RESTART_TIMEDATED)
    found = _of_file(script) or _of_line(script)
    if found is None:
        raise AssertionError(f"no answer prepared for: {script}")
    if found.name == "with_names":
        return call_of(found.arguments[2])
    if found.name == "as_builder":
        # Behind what may have to be made first: see deploy.prove_build.rehearse_build.
        return call_of(found.arguments[2].rpartition("\n) || exit 1\n")[2])
    return found


def _of_file(script: str) -> Call | None:
    for name, text in FILES.items():
        functions = FUNCTIONS[name]
        if not script.endswith(text) or not script.startswith(functions):
            continue
        values = script.removesuffix(text).removeprefix(functions)
        if re.fullmatch(r"set -- ([^\n].*)?\n", values, re.DOTALL):
            return Call(name, tuple(words_of(values.removeprefix("set -- "))))
        if re.fullmatch(r"(\w+=.*\n)?", values, re.DOTALL) and not values.startswith("missing="):
            return Call(name, values=dict(word.split("=", 1) for word in words_of(values)))
    return None


def _of_line(script: str) -> Call | None:
    for name, pattern in LINES.items():
        found = re.fullmatch(pattern, script, re.DOTALL)
        if found is not None:
            return Call(name, values={key: value or "" for key, value in found.groupdict().items()})
    return None


def words_of(line: str) -> list[str]:
    """Return the words that shlex.quote has quoted, as shlex.split does; that takes a second for some hundred."""
    assert not WORD.sub("", line).strip(), line
    return [re.sub(QUOTED, lambda quoted: quoted[0][1:-1], word) for word in WORD.findall(line)]


def script_of(line: str) -> str:
    # No word of host.in_sh has a quote in it.
    _, *words = re.findall("'([^']*)'", line)
    script = "".join(words)
    for plain, disguise in IN_DISGUISE.items():
        script = script.replace(disguise, plain)
    return STILL_OURS.sub("", script.removeprefix("exec </dev/null\numask 022\n"), count=1)
