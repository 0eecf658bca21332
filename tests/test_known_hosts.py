"""The lines of known_hosts that are about a host."""

import os
from pathlib import Path

import pytest
from paramiko.hostkeys import HostKeys

from provision.transport.known_hosts import known_hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
OTHER = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBA=="
HASHED = HostKeys.hash_host("ntp1")

CASES = [
    pytest.param(f"ntp1 {KEY}\n", "ntp1", [f"ntp1 {KEY}"], id="its name"),
    pytest.param(f"ntp1 {KEY}\n", "ntp", [], id="not the beginning of its name"),
    pytest.param(f"ntp1 {KEY}\n", "[ntp1]:2222", [], id="not the same name with another port"),
    pytest.param(f"[ntp1]:2222 {KEY}\n", "[ntp1]:2222", [f"[ntp1]:2222 {KEY}"], id="a name with a port"),
    pytest.param(f"ntp1,192.0.2.1 {KEY}\n", "192.0.2.1", [f"ntp1,192.0.2.1 {KEY}"], id="one of several names"),
    pytest.param(f"ntp1 {OTHER}\nntp1 {KEY}\n", "ntp1", [f"ntp1 {OTHER}", f"ntp1 {KEY}"], id="keys of two types"),
    pytest.param(f"{HASHED} {KEY}\n", "ntp1", [f"{HASHED} {KEY}"], id="a hashed name"),
    pytest.param(f"{HASHED} {KEY}\n", "ntp2", [], id="another's hashed name"),
    pytest.param(f"|1|no|base64! {KEY}\n|1|short {KEY}\n", "ntp1", [], id="a hashed name that is damaged"),
    pytest.param(f"  ntp1\t{KEY}  a comment\r\n", "ntp1", [f"ntp1 {KEY} a comment"], id="blanks and a comment"),
    pytest.param(f"# ntp1 {KEY}\n#ntp1 {KEY}\n\n", "#ntp1", [], id="comments and empty lines"),
    pytest.param(f"@revoked ntp1 {KEY}\n@cert-authority ntp1 {KEY}\n", "ntp1", [], id="no marked line"),
    pytest.param("ntp1 ssh-ed25519\n", "ntp1", [], id="no key"),
    pytest.param(f"ntp1 {KEY}", "ntp1", [f"ntp1 {KEY}"], id="a last line without its end"),
    pytest.param(f"\udcff {KEY}\nntp1 {KEY}\n", "ntp1", [f"ntp1 {KEY}"], id="bytes that are no text in another line"),
]


@pytest.mark.parametrize(("text", "name", "lines"), CASES)
def test_lines_about_a_host(text: str, name: str, lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert known_hosts(file).about(name) == lines


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"ntp1 {KEY}\n")
    first = known_hosts(file)
    assert known_hosts(file) is first
    with file.open("a") as appended:
        appended.write(f"ntp2 {KEY}\n")
    assert known_hosts(file).about("ntp2") == [f"ntp2 {KEY}"]
    before = file.stat()
    file.write_text(file.read_text().replace("ntp2", "ntp3"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert known_hosts(file).about("ntp2") == []


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        known_hosts(tmp_path / "known_hosts")
