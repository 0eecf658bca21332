"""What a tamperer with root's rights did to a deployed host: verify and plan name the same, and deploy repairs it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from provision.deploy.steps.conflicting_services import ConflictsStopped
from provision.deploy.steps.daemon_unaltered import Unaltered
from provision.deploy.steps.process_as_unit import AsUnitSays
from tests.helpers.booted_hosts import login
from tests.helpers.host_state import current
from tests.helpers.operators import Ran
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

PREAMBLE = """\
set -e
cd /opt/chrony
generation=$(readlink -f current) build=$(readlink -f current/build) unit=/etc/systemd/system/chronyd.service
"""
"""Before each script: the folders of what is current."""
OTHER_CHRONYD = """\
{ cat "$build/sbin/chronyd"; echo more; } >/tmp/chronyd
chmod 0755 /tmp/chronyd
mv /tmp/chronyd "$build/sbin/chronyd"
(cd "$build" && sha256sum sbin/chronyd bin/chronyc >sha256sums)
"""
"""Another program at the same path, that does what chronyd does; and the digests on the host say that it is right."""
STARTED_OTHERWISE = """\
mkdir -p /run/systemd/system/chronyd.service.d
cat >/run/systemd/system/chronyd.service.d/tamper.conf <<'END'
[Service]
Environment=LD_PRELOAD=libm.so.6
CapabilityBoundingSet=CAP_NET_RAW
AmbientCapabilities=CAP_NET_RAW
ExecStart=
ExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -r -x -F 1 -f /opt/chrony/current/chrony.conf
END
systemctl daemon-reload
systemctl restart chronyd
rm -r /run/systemd/system/chronyd.service.d
systemctl daemon-reload
"""
"""A daemon that was started with a drop-in, of which nothing is left but the process."""
OTHER_KEY = """\
cp -p current/chrony.keys /tmp/keys
sed -i 's/HEX:.*/HEX:000102030405060708090A0B0C0D0E0F/' current/chrony.keys
chronyc rekey
cat /tmp/keys >current/chrony.keys
rm /tmp/keys
chmod 0640 current/chrony.keys
chown root:_chrony current/chrony.keys
"""
"""The daemon has another key than the file, which is as it was."""


@dataclass(frozen=True)
class Row:
    """A tampering, and words of each difference that has to be named."""

    script: str
    named: tuple[str, ...]
    untidied: str = "true"
    """What removes what the tamperer left beside our files."""


ROWS = [
    pytest.param(
        Row(
            """\
            chmod 0777 "$generation"
            echo 'allow 0.0.0.0/0' >>current/chrony.conf
            chmod 0644 current/chrony.keys
            chown daemon:daemon current/chrony.keys
            touch "$generation/extra"
            """,
            (
                "chrony.conf has another content",
                "chrony.keys has mode 0644, not 0640",
                "chrony.keys belongs to daemon:daemon, not to root:_chrony",
                "extra is not of ours",
            ),
        ),
        id="generation: content, mode, owner, another file",
    ),
    pytest.param(
        Row(
            f"""\
            {OTHER_CHRONYD}
            chmod 4755 "$build/bin/chronyc"
            chmod 0777 "$build/sbin"
            echo >>"$build/receipt.json"
            echo >>"$build/configure.log"
            """,
            (
                "sbin/chronyd has another content",
                "bin/chronyc has mode 4755, not 0755",
                "sbin has mode 0777, not 0755",
                "receipt.json has another content",
                "configure.log has another content",
                "executable is /opt/chrony/builds/",
            ),
        ),
        id="build: programs, digests and receipt, setuid, another one runs",
    ),
    pytest.param(
        Row(
            f"""\
            {OTHER_CHRONYD}
            systemctl restart chronyd
            touch "$build/bin/extra"
            chmod 0775 "$build"
            chown daemon "$build/libraries"
            """,
            (
                "has mode 0775, not 0755",
                "sbin/chronyd has another content",
                "bin/extra is not of ours",
                "libraries belongs to daemon:root",
            ),
        ),
        id="build: the other program runs, from the same path",
    ),
    pytest.param(
        Row(
            """\
            setcap cap_sys_time+ep "$build/sbin/chronyd"
            setcap cap_net_admin+ep "$build/bin/chronyc"
            mount --bind /etc/hostname "$build/configure.log"
            """,
            (
                "sbin/chronyd has a capability or an access control list",
                "bin/chronyc has a capability",
                "configure.log has something mounted over it",
            ),
            untidied="for path in builds/*.broken.*; do umount $path/configure.log && rm -r $path; done",
        ),
        id="build: capabilities, something mounted over a file",
    ),
    pytest.param(
        Row('echo "#" >>"$unit"; chmod 0666 "$unit"', ("unit file is ", "chronyd.service has mode 0666, not 0644")),
        id="unit: content and mode",
    ),
    pytest.param(
        Row(
            'mv "$unit" /root/mine; ln -s /root/mine "$unit"', ("unit file is a symlink",), untidied="rm -f /root/mine"
        ),
        id="unit: a link in its place",
    ),
    pytest.param(
        Row('ln -sf /dev/null "$unit"; systemctl stop chronyd; systemctl daemon-reload', ("unit file is a symlink",)),
        id="unit: masked, and stopped",
    ),
    pytest.param(
        Row("systemctl -q disable chronyd; chmod 0700 switch", ("start at boot is disabled", "0700 root:root")),
        id="unit disabled, mode of switch",
    ),
    pytest.param(
        Row("systemctl stop chronyd; echo '#' >>switch", ("daemon is inactive", "content differs")),
        id="daemon stopped, switch edited",
    ),
    pytest.param(
        Row(
            'cp -a "$generation" generations/0123456789abcdef; ln -sfn generations/0123456789abcdef current',
            ("current generation is 0123456789abcdef, running is ",),
            untidied="rm -rf generations/0123456789abcdef",
        ),
        id="current: a generation of the tamperer's",
    ),
    pytest.param(
        Row(
            'cp -a "$build" builds/mine; ln -sfn ../../builds/mine "$generation/build"; systemctl restart chronyd',
            ("build leads to ../../builds/mine", "executable is /opt/chrony/builds/mine/sbin/chronyd"),
            untidied="rm -rf builds/mine",
        ),
        id="build link: a build of the tamperer's, which runs",
    ),
    pytest.param(
        Row(
            "chronyc allow all; chronyc add server 127.0.0.9",
            (
                "it admits 126.255.255.255, which chrony.conf does not",
                "it follows 127.0.0.9, which is not in chrony.conf",
            ),
        ),
        id="run time: everybody let in, another source",
    ),
    pytest.param(
        Row(
            "chronyc deny all; chronyc delete $(awk '/^server/ { print $2 }' current/chrony.conf)",
            ("it refuses 127.0.0.0, which chrony.conf admits", "it does not follow 198.19.0.2"),
        ),
        id="run time: nobody let in, no source",
    ),
    pytest.param(
        Row(
            STARTED_OTHERWISE,
            ("its command line is ", "its environment has LD_PRELOAD", "it has or may get CAP_NET_RAW"),
        ),
        id="process: arguments, environment, capabilities",
    ),
    pytest.param(
        Row(
            "chown daemon /var/lib/chrony; chmod 0757 /var/log/chrony",
            ("missing or open to others: /var/lib/chrony /var/log/chrony, which a restart mends",),
        ),
        id="folders of chronyd: owner and mode",
    ),
    pytest.param(
        Row(OTHER_KEY, ("chrony.conf, chrony.keys or a certificate was changed since it was started",)),
        id="keys: other ones in the daemon than in the file",
    ),
]


HOW_BUILT = re.compile(r"; (compiled here|unpacked from an artifact.*)$")
"""A plan says more than verify: how a build would be made again."""


@pytest.fixture(scope="module")
def host(deployed: Deployed) -> Iterator[Deployed]:
    """The shared host, as the site describes it before and after these tests."""
    before = deployed.run("deploy")
    assert before.status == 0, before
    yield deployed
    after = deployed.run("verify")
    assert after.status == 0, after


def differences(verified: Ran, titles: set[str]) -> dict[str, str]:
    """Return the findings of verify that do not hold, of those that are steps of a plan."""
    wrong = [finding for finding in verified.findings("site") if finding["holds"] is False]
    return {finding["subject"]: finding["seen"] for finding in wrong if finding["subject"] in titles}


def settled_by_others(plan: Ran) -> Iterator[str]:
    """Yield the titles of the steps that a plan does not count, because a step that it does count settles them."""
    steps = {step["id"]: step for step in plan.report["outcomes"]}
    for settled in (ConflictsStopped, AsUnitSays, Unaltered):
        if steps[settled.id]["status"] == "unchanged" and not settled.settled_by.isdisjoint(plan.pending):
            yield steps[settled.id]["title"]


@pytest.mark.parametrize("row", ROWS)
def test_verify_and_plan_name_a_tampering_and_deploy_repairs_it(row: Row, host: Deployed) -> None:
    generation = current(host.host)
    login(host.host, f"{PREAMBLE}{row.script}")
    # A tamperer who deletes the source leaves nothing to synchronise with: verify would wait for it for a minute.
    verified, plan = host.run("verify", "--sync-timeout=1"), host.run("plan")
    assert (verified.status, plan.status) == (1, 3), (verified, plan)
    seen = differences(verified, {step["title"] for step in plan.report["outcomes"]})
    named = "\n".join(seen.values())
    for words in row.named:
        assert words in named
    for title in settled_by_others(plan):
        seen.pop(title, None)
    # Where another generation is deployed, verify fails once, and a plan lists each step.
    dependent = {one["subject"] for one in verified.findings("site") if "is deployed in its place" in one["seen"]}
    pending = {
        step["title"]: HOW_BUILT.sub("", step["reason"])
        for step in plan.report["outcomes"]
        if step["status"] == "pending" and step["title"] not in dependent
    }
    assert seen == pending
    repaired = host.run("deploy")
    repaired.assert_proven()
    assert repaired.changed != {}
    login(host.host, f"cd /opt/chrony; {row.untidied}")
    assert current(host.host) == generation


def test_a_tampered_generation_is_not_rolled_back_to(host: Deployed) -> None:
    first = current(host.host)
    host.run("deploy", host.operator.site("time.maxupdateskew = 77.0\n")).assert_proven()
    second = current(host.host)
    login(host.host, f"cd /opt/chrony/generations/{first}; sed -i s/makestep.*/makestep\\ 9\\ 9/ chrony.conf")
    refused = host.run("rollback")
    assert refused.status == 1
    assert f"generation {first} was altered since it was deployed" in refused.error
    assert current(host.host) == second
    verified = host.run("verify")
    assert verified.status == 1
    seen = verified.seen("site.active", f"generation {first} running")
    assert seen == f"runs generation {second}, the built-in defaults want {first}: chrony.conf differs (maxupdateskew)"
    assert verified.seen("site.running-generation", f"generation {second}") == "no difference"
    host.run("deploy").assert_proven()
