"""The newest version is asked for at each place in turn."""

from pathlib import Path

from provision.build.fetch.newest import Newest, newest
from provision.build.fetch.places import Web
from provision.chrony.releases import pool
from tests.helpers.tarball_places import mirror, put


def test_the_newest_version_comes_from_the_first_place_that_answers(tmp_path: Path) -> None:
    for version in ("4.3", "4.10", "4.9"):
        put(tmp_path, f"chrony_{version}.orig.tar.gz", b"")
    with mirror(tmp_path) as url:
        places = [Web(pool(f"{url}/nowhere", "chrony")), Web(pool(url, "chrony"))]
        assert newest("chrony", places=places) == Newest("4.10", "127.0.0.1")
        assert newest("chrony", places=places[:1]) is None
