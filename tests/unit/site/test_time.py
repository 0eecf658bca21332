"""The table time: what no clock can be told."""

from pathlib import Path

import pytest

from tests.helpers.site_files import assert_refused, read, server

REQUIRED = (
    'time.authselectmode: "require", with which chronyd never selects a source that has neither a key nor NTS, '
    "and no source has one"
)
REFUSED = [
    pytest.param(
        "[time]\nmakestep = { threshold = -1 }", "time.makestep.threshold: -1 is below 0", id="makestep threshold"
    ),
    pytest.param("[time]\nmakestep = { limit = -2 }", "time.makestep.limit: -2 is below -1", id="makestep limit"),
    pytest.param("[time]\nmaxupdateskew = 0", "time.maxupdateskew: 0 is not above 0", id="maxupdateskew"),
    pytest.param("[time.local]\nstratum = 16", "time.local.stratum: 16 is above 15", id="local stratum"),
    pytest.param(
        "[time]\nlog = ['tracking', 'measurement']",
        "time.log[1]: 'measurement' is none of "
        "rawmeasurements, measurements, selection, statistics, tracking, rtc, refclocks, tempcomp",
        id="a log that chrony does not write",
    ),
    pytest.param(
        "[time]\nauthselectmode = 'always'",
        "time.authselectmode: 'always' is none of require, prefer, mix, ignore",
        id="authselectmode",
    ),
    pytest.param(
        "[time]\nleapsectz = 'right UTC'",
        "time.leapsectz: 'right UTC' is not a time zone such as 'right/UTC'",
        id="zone",
    ),
    pytest.param(
        "[time]\ndriftfile = 'drift'",
        "time.driftfile: 'drift' is no absolute path without blanks and without '..'",
        id="a relative path on the host",
    ),
    pytest.param(
        "[time]\ndriftfile = '/etc/chrony.drift'",
        "time.driftfile: must be below /var/lib/chrony, the one folder where the service keeps state",
        id="a drift file that the service could not write",
    ),
    pytest.param(
        "[time]\nlogdir = '/var/log'",
        "time.logdir: must be /var/log/chrony or below, the one folder where the service writes logs",
        id="a log folder that the service could not write",
    ),
    pytest.param(
        server("iburst = true") + "\nauthselectmode = 'require'",
        REQUIRED,
        id="authentication required, and no key",
    ),
    pytest.param(
        "[time]\nservers = []\nextra = ['peer ntp2']\nauthselectmode = 'require'",
        REQUIRED,
        id="authentication required, and a peer without a key",
    ),
    pytest.param(
        server("iburst = true") + "\nminsources = 2",
        "time.minsources: 2 is more than the 1 sources that chronyd can select",
        id="more sources required than named",
    ),
    pytest.param(
        "[time]\nservers = [{ address = 'a', key = 1 }, { address = 'b' }]\nauthselectmode = 'require'\nminsources = 2",
        "time.minsources: 2 is more than the 1 sources that chronyd can select",
        id="more sources required than have a key",
    ),
    pytest.param(
        "[time]\npools = [{ address = 'p', maxsources = 3, noselect = true }]\nservers = [{ address = 'a' }]\n"
        "minsources = 2",
        "time.minsources: 2 is more than the 1 sources that chronyd can select",
        id="more sources required than those of a pool that is not selected",
    ),
    pytest.param(
        server("noselect = true"),
        "time.servers: each source has noselect, so that the clock is never synchronised",
        id="no source that may be selected",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_site_is_refused_with_the_place_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert_refused(tmp_path, text, message)


ACCEPTED = [
    pytest.param(server("noselect = true") + "\nlocal = {}", id="a clock of its own beside a source that is watched"),
    pytest.param(server("noselect = true") + "\nextra = ['manual']", id="a clock that a person sets"),
    pytest.param(server("nts = true") + "\nauthselectmode = 'require'", id="authentication by NTS"),
    pytest.param("[time]\npools = [{ address = 'p' }]\nminsources = 4", id="as many as a pool has"),
    pytest.param("[time]\nminsources = 99", id="the distribution's sources, which depend on the host"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_clock_that_can_be_synchronised_is_accepted(tmp_path: Path, text: str) -> None:
    site = read(tmp_path, text)
    assert list(site.time.contradictions()) == []
