"""A build that a sandbox compiles: the host gets the artifact and no compiler, and errors name the sandbox."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from provision.build.artifact import pack
from provision.common.errors import SandboxError
from provision.common.results import Gate, Status
from provision.deploy import sandbox_build
from provision.deploy.deploy import deploy, plan
from provision.host.facts import parse_facts
from provision.host.host import Host
from provision.host.session import Session
from provision.host.transport import Output
from provision.output.report import Report, Verdict
from tests.helpers.build_archives import folder as tar_of
from tests.helpers.scripted_host import ScriptedHost
from tests.unit.deploy.conftest import FILES, SITE, Operator, unproven

PLACE = "a sandbox of Debian bookworm"
ON = '[build]\non = "{}"\n'
COMPILERS = {"build_nettle", "configure_chrony", "build_chrony"}


@pytest.fixture
def sandbox(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> ScriptedHost:
    """Return a sandbox that is a table, as the host is; the host has no build, and the site wants the sandbox."""
    host = operator.host
    host.built, host.build_files = False, FILES
    host.facts += "os_codename=bookworm\n"
    operator.site = f"{ON.format('sandbox')}{SITE}"
    room = replace(host, name=PLACE, packages="gcc make", answers={}, told=[], asked=[], files={}, uploads={})
    room.downloads = dict.fromkeys(map(str, range(20)), tar_of(FILES))

    @contextmanager
    def throwaway(suite: str, *, say: Callable[[str], None]) -> Iterator[None]:
        say(f"booting a {suite}")
        yield

    @contextmanager
    def connect_booted(_: None, name: str, **told: Callable[[str], None]) -> Iterator[Session]:
        assert name == PLACE
        machine = Host(room, log=told["log"], progress=told["progress"])
        yield Session(host=machine, facts=parse_facts(room.facts), address="", direct=True, time_source=None)

    monkeypatch.setattr(sandbox_build, "throwaway", throwaway)
    monkeypatch.setattr(sandbox_build, "connect_booted", connect_booted)
    monkeypatch.setattr(sandbox_build, "has_rights", lambda: True)
    monkeypatch.setattr(sandbox_build, "missing_tools", list)
    monkeypatch.setattr(sandbox_build, "has_base_image", lambda suite: suite == "bookworm")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    return room


def reasons(report: Report, status: Status) -> dict[str, str]:
    return {outcome.id: outcome.reason for outcome in report.outcomes if outcome.status is status}


@pytest.mark.usefixtures("source")
def test_the_sandbox_compiles_and_the_host_gets_the_artifact(operator: Operator, sandbox: ScriptedHost) -> None:
    operator.host.packages = "libcap2"
    report = operator.run(deploy)
    assert (report.error, unproven(report)) == (None, [])
    assert set(sandbox.told) > COMPILERS
    assert not set(operator.host.told) & COMPILERS
    assert [name for name in operator.host.told if name in {"install packages", "unpack_build", "place_build"}] == [
        "install packages",
        "unpack_build",
        "place_build",
    ]
    changed = reasons(report, Status.CHANGED)
    assert changed["sandbox-build"].startswith(f"built in {PLACE}, took ")
    assert changed["run-packages"] == "missing: libcap2"
    assert changed["build"] == f"no finished build of this recipe; unpacked from the artifact of {PLACE}"
    assert "build-packages" not in changed
    kept = operator.artifacts.find(operator.host.recipe.name, print)
    assert kept is not None
    assert kept.builders == (PLACE,)


@pytest.mark.usefixtures("source")
def test_a_further_host_gets_the_artifact_and_nothing_is_built(operator: Operator, sandbox: ScriptedHost) -> None:
    operator.artifacts.keep(pack(sandbox.recipe, tar_of(FILES), checked=False, host="ci", seconds=41.2))
    report = operator.run(deploy)
    assert report.error is None
    assert sandbox.told == []
    assert "sandbox-build" not in {outcome.id for outcome in report.outcomes}


@pytest.mark.usefixtures("source")
def test_a_host_that_has_the_build_needs_no_sandbox(operator: Operator, sandbox: ScriptedHost) -> None:
    operator.host.built = True
    assert operator.run(deploy).error is None
    assert sandbox.told == sandbox.asked == []


@pytest.mark.usefixtures("source")
def test_a_plan_says_where_it_would_be_built(operator: Operator, sandbox: ScriptedHost) -> None:
    report = operator.run(plan)
    assert (report.error, sandbox.told) == (None, [])
    pending = reasons(report, Status.PENDING)
    assert pending["sandbox-build"] == f"built in {PLACE}"
    assert [change.how for change in report.changes if change.id == "build"] == [f"gets the artifact from {PLACE}"]
    operator.compiled_on = "ntp9"
    operator.open = frozenset({Gate.SWITCH})
    further = operator.run(plan)
    assert further.stopped_at is None
    assert [change.how for change in further.changes if change.id == "build"] == [f"gets the artifact from {PLACE}"]


@pytest.mark.usefixtures("sandbox")
def test_hosts_of_a_platform_wait_for_one_build(operator: Operator) -> None:
    operator.open = frozenset({Gate.SWITCH})
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.stopped_at.gate, report.stopped_at.need) == (Gate.BUILD, operator.host.recipe.name)


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    ("command", "said", "words"),
    [
        pytest.param(
            "install packages",
            Output(100, "", "E: Unable to locate package gcc\n"),
            "installing packages failed (exit status 100): E: Unable to locate package gcc",
            id="apt fails",
        ),
        pytest.param(
            "build_chrony",
            Output(2, "", "cc1: fatal error: No space left on device\n"),
            "building chrony 4.9 failed (exit status 2): cc1: fatal error: No space left on device",
            id="the disk is full",
        ),
    ],
)
def test_an_error_in_the_sandbox_names_it_and_leaves_the_host_untried(
    operator: Operator, sandbox: ScriptedHost, command: str, said: Output, words: str
) -> None:
    sandbox.answers[command] = said
    report = operator.run(deploy)
    assert report.error == f"{PLACE}: {words}"
    assert report.verdict is Verdict.NOT_TRIED
    assert operator.host.told == []


@pytest.mark.usefixtures("source")
def test_a_sandbox_that_differs_from_the_host_is_refused(operator: Operator, sandbox: ScriptedHost) -> None:
    sandbox.facts = sandbox.facts.replace("libc=glibc-2.36", "libc=glibc-2.42")
    report = operator.run(deploy)
    assert str(report.error).startswith(
        f"{PLACE} is debian-12-x86_64-glibc-2.42, and the host is debian-12-x86_64-glibc-2.36: update the host, or "
    )


@pytest.mark.usefixtures("source")
def test_what_no_sandbox_can_be_of_is_named_before_anything_is_booted(
    operator: Operator, sandbox: ScriptedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    words = (
        'ntp1: build.on = "sandbox" is not possible: no sandbox of Debian amd64 can be booted without emulation '
        'here, on arm64; set build.on = "host" for it'
    )
    for operation in (plan, deploy):
        report = operator.run(operation)
        assert report.error == words
        assert sandbox.asked == operator.host.told == []


@pytest.mark.usefixtures("source")
def test_an_artifact_that_does_not_work_is_an_error_where_no_host_may_compile(
    operator: Operator, sandbox: ScriptedHost
) -> None:
    operator.host.answers["verify_build"] = Output(0, "==> chronyd\nIllegal instruction\n==> end\n")
    report = operator.run(deploy)
    assert sandbox.told != []
    assert 'build.on = "sandbox" keeps the host from compiling' in str(report.error)
    assert not set(operator.host.told) & COMPILERS


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("fault", ["rights", "tools", "image", "builder", "confirm"])
def test_with_auto_the_host_compiles_where_no_sandbox_can_be_booted(
    operator: Operator, sandbox: ScriptedHost, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    operator.site = f"{ON.format('auto')}{SITE}"
    if fault == "rights":
        monkeypatch.setattr(sandbox_build, "has_rights", lambda: False)
        why = "sandboxes need root on a Debian machine, and this run is not root, or this machine is no Debian"
    elif fault == "tools":
        monkeypatch.setattr(sandbox_build, "missing_tools", lambda: ["debootstrap"])
        why = "sandboxes need debootstrap on this machine; inv sandbox.up installs them"
    elif fault == "image":
        monkeypatch.setattr(sandbox_build, "has_base_image", lambda _: False)
        why = "no sandbox of Debian bookworm was booted here yet; inv sandbox.up --suite bookworm makes its base image"
    elif fault == "builder":
        operator.site += '[rollout]\nbuilder = "ntp1"\n[hosts.ntp1]\n'
        why = "rollout.builder names the host that compiles"
    else:
        operator.site = f"{ON.format('auto')}confirm = 2\n{SITE}"
        why = "a sandbox is one builder, and build.confirm is 2"
    operator.host.downloads = operator.built_files()
    for operation, status in ((plan, Status.PENDING), (deploy, Status.CHANGED)):
        reason = reasons(operator.run(operation), status)["build"]
        assert reason == f"no finished build of this recipe; compiled here ({why})"
    assert sandbox.told == []


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("vm", [False, True], ids=["container", "virtual machine"])
def test_with_auto_a_sandbox_compiles_for_itself_but_an_emulated_one_does_not(
    operator: Operator,
    sandbox: ScriptedHost,
    monkeypatch: pytest.MonkeyPatch,
    vm: bool,  # noqa: FBT001 -- a parameter of a case
) -> None:
    operator.site = f"{ON.format('auto')}{SITE}"
    operator.host.downloads = operator.built_files()
    room = SimpleNamespace(vm=vm)
    monkeypatch.setattr("provision.host.session._reach", lambda *_, **__: (operator.host, "198.19.0.3", room))
    monkeypatch.setattr("provision.host.sandbox.sandbox.time_source", lambda **_: "198.19.0.2")
    report = operator.run(deploy)
    assert report.error is None
    assert (set(operator.host.told) >= COMPILERS) is not vm
    assert bool(sandbox.told) is vm


@pytest.mark.usefixtures("source")
def test_with_auto_the_host_compiles_after_the_sandbox_failed(
    operator: Operator, sandbox: ScriptedHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def broken(_: str, **__: object) -> Iterator[None]:
        raise SandboxError("no network namespace")
        yield

    monkeypatch.setattr(sandbox_build, "throwaway", broken)
    operator.site = f"{ON.format('auto')}{SITE}"
    report = operator.run(deploy)
    assert report.stopped_at is not None
    assert (report.error, report.stopped_at.unfit) == (None, True)
    assert f"ntp1: not built in a sandbox: {PLACE}: no network namespace; the host compiles" in report.notes
    assert sandbox.told == operator.host.told == []
    operator.host.downloads = operator.built_files()
    again = operator.run(deploy, report)
    assert (again.error, unproven(again)) == (None, [])
    assert set(operator.host.told) > COMPILERS


@pytest.mark.usefixtures("source")
def test_a_cancelled_run_does_not_compile_on_the_host_instead(operator: Operator, sandbox: ScriptedHost) -> None:
    def cancel(_: object) -> Output:
        operator.cancellation.cancel()
        assert sandbox.closed
        return Output(1, "", "cut off\n")

    operator.site = f"{ON.format('auto')}{SITE}"
    sandbox.answers["build_nettle"] = cancel
    report = operator.run(deploy)
    words = "interrupted; run the same command again to complete it; nothing was switched"
    assert (report.error, report.stopped_at) == (words, None)
