"""A plan says what a deployment does: the same steps, for the same reasons, with the same differences."""

import os
from dataclasses import replace

import pytest

from provision.common.results import Gate, Outcome, Status
from provision.common.text import MINUS
from provision.deploy.deploy import deploy, plan
from provision.deploy.run import Operation
from provision.fleet.executor import Fleet
from provision.host.target import parse_target
from provision.keys import Key, Keys
from provision.output.report import Report, Verdict
from tests.helpers.build_archives import ARTIFACT
from tests.helpers.command_secrets import make_secrets
from tests.helpers.samples import KEYS, SECRET, write_keys
from tests.unit.deploy.conftest import Operator

TWO, THREE = (Key(id_, "AES128", bytes([id_]) * 8 + bytes(range(8))) for id_ in (2, 3))
ADMINS_UNIT = "[Service]\nExecStart=/usr/local/sbin/chronyd -d\n"
UNPACKED = "no finished build of this recipe; unpacked from an artifact"
COMPILED = "no finished build of this recipe; compiled here"


@pytest.fixture(autouse=True)
def _hosts_compile(operator: Operator) -> None:
    operator.site = f'build.on = "host"\n{operator.site}'


def steps(report: Report, status: Status) -> dict[str, Outcome]:
    """Return the steps that ended so, by their ids, in their order."""
    assert report.error is None
    return {outcome.id: outcome for outcome in report.outcomes if outcome.status is status}


def assert_plan_is_what_deploy_does(operator: Operator) -> dict[str, Outcome]:
    """Plan and deploy; return the steps of both."""
    planned = steps(operator.run(plan), Status.PENDING)
    assert operator.host.told == []
    done = steps(operator.run(deploy), Status.CHANGED)
    assert list(planned) == list(done)
    for id_, outcome in planned.items():
        # Whether a generation waits to be confirmed is known once it was switched to.
        if id_ != "confirmed":
            assert replace(outcome, status=Status.CHANGED, notes=done[id_].notes) == done[id_]
        assert outcome.changes == done[id_].changes
    return planned


def changes(planned: dict[str, Outcome]) -> dict[str, str]:
    """Return id → text of the changes of steps, without those that a plan sums up."""
    found = [change for outcome in planned.values() for change in outcome.changes if not change.minor]
    assert len({change.id for change in found}) == len(found)
    return {change.id: change.text for change in found}


def change_keys(operator: Operator, *keys: Key) -> None:
    """Give the operator these keys."""
    operator.key_file.unlink()
    write_keys(operator.key_file, Keys(keys))
    operator.generation(Keys(keys))


def test_on_a_bare_host(operator: Operator) -> None:
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["staged"].reason == "not uploaded yet: key 1 added (AES128)"
    assert planned["active"].reason == "nothing deployed"
    assert changes(planned) == {
        "chrony-conf": "198.19.0.2, 198.19.0.3, 198.19.0.4; 5 more directives",
        "access": "private networks and loopback",
        "keys": "1",
    }


@pytest.mark.usefixtures("source")
def test_on_a_host_that_compiles(operator: Operator) -> None:
    operator.host.built, operator.host.packages = False, "gcc make"
    operator.host.downloads = operator.built_files()
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["build-packages"].reason == "missing: gcc make"
    assert planned["build"].reason == COMPILED
    assert (changes(planned)["packages"], changes(planned)["build"]) == ("gcc make", "chrony 4.9, nettle 3.10.2")
    assert [change.how for change in planned["build"].changes] == ["compiles"]


@pytest.mark.usefixtures("source")
def test_how_long_the_same_took_before_is_in_the_plan_of_a_host_that_compiles(operator: Operator) -> None:
    operator.host.built = False
    # It is there, and was not tested as this site wants it.
    operator.artifacts.keep(ARTIFACT)
    operator.unit_tests = True
    (build,) = steps(operator.run(plan), Status.PENDING)["build"].changes
    assert (build.how, build.took_seconds, build.took_on) == ("compiles", 41.2, "ntp1")
    operator.unit_tests = False
    (build,) = steps(operator.run(plan), Status.PENDING)["build"].changes
    assert (build.how, build.took_seconds, build.took_on) == ("gets the artifact", None, "")


def test_the_host_is_asked_for_its_keys_once(operator: Operator) -> None:
    operator.run(deploy)
    change_keys(operator, *KEYS, TWO)
    for operation in (plan, deploy):
        assert operator.run(operation).error is None
        assert operator.host.asked.count("show keys") == 1


def test_with_another_configuration(operator: Operator) -> None:
    operator.run(deploy)
    operator.site += "[[time.servers]]\naddress = '198.19.0.9'\n"
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["staged"].reason == "not uploaded yet"
    assert "+server 198.19.0.9" in planned["staged"].diff
    assert "CHRONY_GENERATION" not in planned["staged"].diff
    assert changes(planned) == {"chrony-conf": "+ 198.19.0.9"}


def test_changed_keys_are_named_by_id_and_never_shown(operator: Operator) -> None:
    operator.run(deploy)
    change_keys(operator, *KEYS, TWO, THREE)
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["staged"].reason == "not uploaded yet: keys 2-3 added (AES128)"
    assert planned["staged"].diff == "", "the id of the generation in its unit is no change"
    change_keys(operator, replace(TWO, secret=bytes(range(16))), THREE)
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["staged"].reason == "not uploaded yet: key 2 changed (AES128), key 1 removed (AES128)"
    assert changes(planned) == {"keys": f"~ 2   {MINUS} 1"}
    assert SECRET.lower() not in str(planned).lower()


def test_keys_on_the_host_that_cannot_be_read_are_replaced(operator: Operator) -> None:
    operator.run(deploy)
    change_keys(operator, *KEYS, TWO)
    operator.host.answers["show keys"] = "x y z\n"
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["staged"].reason == "not uploaded yet: the keys on the host cannot be read and are replaced"
    assert changes(planned) == {"keys": "those on the host cannot be read and are replaced"}


def test_on_a_host_with_a_unit_of_the_administrator(operator: Operator) -> None:
    operator.host.admins_unit = ADMINS_UNIT
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["active"].reason == (
        "nothing deployed; replaces the administrator's /etc/systemd/system/chronyd.service, which uninstall puts back"
    )
    assert "-ExecStart=/usr/local/sbin/chronyd -d" in planned["staged"].diff
    assert changes(planned)["replaces"] == (
        "the administrator's /etc/systemd/system/chronyd.service, which uninstall puts back"
    )


def test_on_a_host_with_another_time_service(operator: Operator) -> None:
    operator.host.others = "chrony.service|loaded|active|enabled|/lib/systemd/system/chrony.service|"
    planned = assert_plan_is_what_deploy_does(operator)
    assert planned["active"].reason == "nothing deployed; stops and masks chrony.service, which is active"
    assert "conflicting-services" not in planned, "a switch stops it"
    assert changes(planned)["replaces"] == "chrony.service (active): stopped and masked until uninstall"


def test_a_configured_time_service_is_refused_until_the_operator_agrees(operator: Operator) -> None:
    conf = "file=/etc/chrony/chrony.conf\nown=no\n>refclock SHM 0\n"
    operator.host.existing = f"service=chrony.service\nruns=yes\nkind=chrony\n{conf}finished"
    planned, deployed = operator.run(plan), operator.run(deploy)
    for report in (planned, deployed):
        assert report.error is not None
        assert "chrony.service is configured here, and nothing was changed" in report.error
        assert "refclock SHM 0" in [loss.was for loss in report.losses]
        assert not report.may_have_changed
    assert planned.verdict is deployed.verdict is Verdict.FAILED
    assert deployed.outcomes[-1].status is not Status.CHANGED


def test_on_a_host_without_drift(operator: Operator) -> None:
    operator.run(deploy)
    assert assert_plan_is_what_deploy_does(operator) == {}


@pytest.mark.usefixtures("source")
def test_of_two_hosts_one_compiles_and_the_other_unpacks(operator: Operator) -> None:
    bare = replace(operator.host, built=False, packages="gcc make")
    second = replace(
        bare,
        name="ntp2",
        told=[],
        asked=[],
        uploads={},
        downloads={},
        staged=[],
        files={},
        generations={},
        rehearsed=set(),
        history=[],
    )
    operator.host = bare
    operator.open = frozenset({Gate.SWITCH})
    stopped = operator.run(plan)
    assert stopped.stopped_at is not None
    assert (stopped.stopped_at.gate, stopped.pending) == (Gate.BUILD, 0)
    operator.open = frozenset(Gate)
    first_plan = steps(operator.run(plan, stopped), Status.PENDING)

    operator.host, operator.open, operator.compiled_on = second, frozenset({Gate.SWITCH}), "ntp1"
    second_plan = steps(operator.run(plan), Status.PENDING)

    operator.host, operator.open, operator.compiled_on = bare, frozenset(Gate), ""
    bare.downloads = operator.built_files()
    first_done = steps(operator.run(deploy), Status.CHANGED)
    operator.host = second
    second.build_files = bare.build_files
    second_done = steps(operator.run(deploy), Status.CHANGED)

    assert first_plan["build"].reason == first_done["build"].reason == COMPILED
    assert (
        second_plan["build"].reason
        == "no finished build of this recipe; unpacked from an artifact, which ntp1 compiles"
    )
    assert second_done["build"].reason == "no finished build of this recipe; unpacked from an artifact"
    assert "build-packages" in first_plan
    assert "build-packages" not in second_plan
    assert list(first_plan) == list(first_done)
    # Which packages an artifact needs is known when it was compiled.
    assert [id_ for id_ in second_done if id_ != "run-packages"] == list(second_plan)


def test_a_plan_refuses_where_the_first_keys_cannot_be_kept_as_a_deployment_does(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.key_file.unlink()
    # Root may write everywhere.
    monkeypatch.setattr("provision.common.files.private.os.access", lambda _, mode: mode == os.F_OK)
    planned, deployed = operator.run(plan), operator.run(deploy)
    assert planned.error == deployed.error
    assert planned.error == (
        f"{operator.key_file}: cannot be written: no right to write in {operator.key_file.parent}; make the folder "
        "writable, or name another file in the site"
    )
    assert (planned.verdict, operator.host.told) == (deployed.verdict, [])


def test_a_plan_refuses_where_a_deployment_does_and_still_names_every_step(operator: Operator) -> None:
    operator.host.others = "process|7|/usr/sbin/ntpd|session-3.scope|port"
    planned, deployed = operator.run(plan), operator.run(deploy)
    assert planned.error == deployed.error
    assert (planned.verdict, deployed.verdict) == (Verdict.FAILED, Verdict.FAILED)
    pending = [outcome.id for outcome in planned.outcomes if outcome.status is Status.PENDING]
    assert {"foreign-processes", "staged", "active", "links"} <= set(pending)
    assert operator.host.told == []


def test_a_plan_refuses_a_firewall_that_cannot_be_read_as_a_deployment_does(operator: Operator) -> None:
    operator.site += '[serve]\nfirewall = "open"\n'
    operator.host.firewall = "ufw\nERROR: problem running iptables"
    planned = operator.run(plan)
    assert planned.error == operator.run(deploy).error
    assert planned.verdict is Verdict.FAILED


def run_alone(operator: Operator, operation: Operation, *, plans: bool) -> Report:
    """Run an operation on the operator's host alone, as a command line does, with all gates of its rollout."""
    operator.host.told.clear()
    operator.generation()
    fleet = Fleet(parallel=1, max_failures=None, scheduler="")
    (report,) = fleet.run(
        operation,
        [(parse_target(operator.host.name), operator.settings)],
        make_secrets(),
        rolling=not plans,
        plans=plans,
    )
    assert report.error is None
    return report


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize("has_keys", [True, False])
def test_a_plan_of_a_bare_host_takes_three_round_trips_and_one_connection(
    has_keys: bool,  # noqa: FBT001 -- a parameter of a case
    operator: Operator,
) -> None:
    operator.host.built, operator.host.packages = False, "gcc make"
    if not has_keys:
        operator.key_file.unlink()
    report = run_alone(operator, plan, plans=True)
    # Facts, survey, and the keys on the host that a new generation replaces.
    assert (report.round_trips, operator.host.asked.count("print_facts")) == (3, 1)
    pending = steps(report, Status.PENDING)
    assert pending["build"].reason == COMPILED
    assert pending["staged"].reason == "not uploaded yet: key 1 added (AES128)"


@pytest.mark.usefixtures("source")
def test_a_host_that_is_deployed_alone_compiles_in_one_connection(operator: Operator) -> None:
    operator.host.built = False
    operator.host.downloads = operator.built_files()
    assert run_alone(operator, deploy, plans=False).ok
    assert operator.host.asked.count("print_facts") == 1
