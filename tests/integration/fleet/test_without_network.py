"""A site's hosts, deployed from a bundle."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.booted_hosts import login
from tests.helpers.operators import Operator
from tests.integration.fleet.conftest import SITE, Hosts

pytestmark = pytest.mark.integration


def test_from_a_bundle_a_host_is_deployed_without_any_network(site: Hosts, tmp_path: Path) -> None:
    bundle = tmp_path / "site.bundle"
    option = site.operator.site(SITE)
    made = site.operator.run_plainly("bundle", str(bundle), option)
    assert made.status == 0, made
    assert "artifact chrony-4.9-nettle-system-" in made.output
    stranger = Operator(tmp_path / "stranger")
    stranger.key_file.parent.mkdir(parents=True)
    shutil.copy(site.operator.key_file, stranger.key_file)
    # Neither tarballs nor artifacts are there, and no server can be reached.
    (stranger.artifacts.parent / "sources").mkdir(parents=True)
    no_network = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https")}
    host = site.hosts["web2"]
    login(host, "systemctl stop chronyd; rm -rf /opt/chrony; ip route del default")
    alone = stranger.run("deploy", stranger.site(SITE), "--host=web2", **no_network)
    assert alone.status == 2
    ran = stranger.run("deploy", stranger.site(SITE), "--host=web2", f"--bundle={bundle}", **no_network)
    assert ran.status == 0, ran
    assert "unpacking the build" in stranger.log
    assert f"{bundle}: sha256 " in ran.output
