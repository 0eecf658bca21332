"""Compare the state of a host with the site file: the findings of checks.site."""

from provision.verify.checks import site


def test_a_state_that_differs_is_found_with_its_drift() -> None:
    same = site.state_finding("links", "the links", None, "no difference")
    different = site.state_finding("links", "the links", "missing", "")
    assert (same.id, same.holds, same.seen) == ("site.links", True, "no difference")
    assert (different.holds, different.seen, str(different)) == (
        False,
        "missing",
        "the links: the host matches the site file",
    )
    assert different.failure == '"the links: the host matches the site file" does not hold (missing)'


def test_evidence_that_cannot_be_read_is_a_failure() -> None:
    finding = site.unreadable_finding("the host was cut off")
    assert (finding.id, finding.holds, finding.vital) == ("site.evidence", False, True)
    assert finding.failure == '"the evidence of the host can be read" does not hold (the host was cut off)'
