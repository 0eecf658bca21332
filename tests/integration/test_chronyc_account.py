"""Nothing of ours runs chronyc as root where the account of chronyd owns the folder of its sockets."""

import pytest

from provision.host.paths import ROOT
from tests.helpers.booted_hosts import login
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

RECORDED = "/run/chronyc-calls"
WRAPPER = f"""#!/bin/sh
echo "$(id -un) $*" >>{RECORDED}
exec {ROOT}/current/build/bin/chronyc.real "$@"
"""
LOCAL = ("keygen", "--version")
"""What chronyc does without a socket: it talks to no daemon then."""


def test_no_chronyc_that_talks_to_the_daemon_runs_as_root(deployed: Deployed) -> None:
    program = f"{ROOT}/current/build/bin/chronyc"
    generation = login(deployed.host, f"basename $(readlink {ROOT}/current)").strip()
    login(
        deployed.host,
        f"cp -p {program} {program}.real; printf '%s' '{WRAPPER}' >{program}; touch {RECORDED}; chmod 0666 {RECORDED}",
    )
    try:
        deployed.run("verify")
        deployed.run("status")
        login(deployed.host, f"{ROOT}/switch {generation}")
        calls = [line.split(" ", 1) for line in login(deployed.host, f"cat {RECORDED}").splitlines()]
    finally:
        login(deployed.host, f"mv {program}.real {program}; rm {RECORDED}")
    talked = [(who, words) for who, words in calls if not any(local in words for local in LOCAL)]
    assert {who for who, _ in talked} == {"_chrony"}
    assert {"-n tracking", "-c -n sources", "-c -N sources", "-c -n ntpdata"} <= {words for _, words in talked}
