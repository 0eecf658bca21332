"""Which servers of a site share the keys of their cookies."""

from pathlib import Path

import pytest

from provision.common.errors import SiteError
from provision.site.inventory import read_inventory
from provision.site.shared_nts_keys import choose_shared

NTS = 'certificate = "nts.crt", key = "nts.key"'
SITE = f"""
[groups.one]
serve.nts = {{ {NTS}, shared_keys = "one.keys" }}
[groups.two]
serve.nts = {{ {NTS}, shared_keys = "two.keys" }}
[groups.command]
serve.nts = {{ {NTS}, shared_keys_command = "cat one.keys" }}
[groups.own]
serve.nts = {{ {NTS} }}
[hosts]
ntp1 = {{ group = "one" }}
ntp2 = {{ group = "one" }}
ntp3 = {{ group = "two" }}
ntp4 = {{ group = "command" }}
ntp5 = {{ group = "own" }}
"""


def chosen(folder: Path, *hosts: str, text: str = SITE) -> tuple[str, tuple[str, ...]]:
    site = folder / "site.toml"
    site.write_text(text)
    file, servers = choose_shared(read_inventory(site), hosts)
    return file.path.name, servers


def test_all_servers_of_a_file_are_found_by_one_of_them(tmp_path: Path) -> None:
    assert chosen(tmp_path, "ntp1") == ("one.keys", ("ntp1", "ntp2"))
    assert chosen(tmp_path, "two") == ("two.keys", ("ntp3",))
    assert chosen(tmp_path, text=SITE.replace("two.keys", "one.keys"))[1] == ("ntp1", "ntp2", "ntp3")


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ((), r"there are several files of shared keys: say --host \(.*one.keys: ntp1, ntp2; .*two.keys: ntp3\)"),
        (("ntp4",), "the shared keys come from a command: change them at their source"),
        (("ntp5",), r"no server shares keys of NTS \(serve.nts.shared_keys\)"),
    ],
)
def test_without_one_file_nothing_is_rotated(hosts: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=words):
        chosen(tmp_path, *hosts)
