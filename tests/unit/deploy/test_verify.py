"""Verify a host: the daemon that runs, and each state of its deployment, and nothing is changed."""

import re

from provision.deploy.deploy import deploy
from provision.deploy.steps.firewall import FirewallOpen
from provision.deploy.verify import verify
from provision.verify.checks.site import MATCHES
from tests.helpers.booted_hosts import ROOT
from tests.unit.deploy.conftest import Operator, unproven


def test_verify_changes_nothing_and_finds_what_somebody_altered(operator: Operator) -> None:
    operator.run(deploy)
    good = operator.run(verify)
    assert (good.error, unproven(good), operator.host.told) == (None, [], [])
    operator.host.files["/opt/chrony/switch"] = (b"#!/bin/sh\n", "0755", "root")
    bad = operator.run(verify)
    assert unproven(bad) == [("site.switch-script", "content differs")]
    assert (bad.ok, operator.host.told) == (False, [])


def test_each_compared_step_has_a_check_of_its_own_in_the_document(operator: Operator) -> None:
    operator.run(deploy)
    found = [finding for finding in operator.run(verify).findings if finding.claim == MATCHES]
    # The step for the firewall is part of a plan only if the site opens it.
    compared = [*(finding.id for finding in found), f"site.{FirewallOpen.id}"]
    rows = re.findall(rf"^\| `(site\.[a-z-]+)` \| {MATCHES} \|", (ROOT / "docs/checks.md").read_text(), re.MULTILINE)
    assert sorted(compared) == sorted(rows)
    assert len(set(compared)) == len(compared)


def test_verify_says_of_a_host_that_does_not_answer_from_here_that_this_was_not_tried(operator: Operator) -> None:
    operator.run(deploy)
    operator.answers = False
    (finding,) = [finding for finding in operator.run(verify).findings if not finding.holds]
    assert (finding.id, finding.subject, finding.holds) == ("client.requests", "198.19.0.5", None)
    assert finding.seen.endswith("is UDP port 123 open on the way?")
