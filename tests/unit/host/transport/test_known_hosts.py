"""The lines of known_hosts that are about a host: those that ssh finds, by its own programs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from paramiko.hostkeys import HostKeys

from provision.host.transport.known_hosts import Line, Marker, read_known_hosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
OTHER = (
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXY"
    "mMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU="
)
HASHED = HostKeys.hash_host("ntp1")

CASES = [
    pytest.param(f"ntp1 {KEY}\n", "ntp1", [1], id="its name"),
    pytest.param(f"ntp1 {KEY}\n", "ntp", [], id="not the beginning of its name"),
    pytest.param(f"ntp1 {KEY}\n", "[ntp1]:2222", [], id="not the same name with another port"),
    pytest.param(f"[ntp1]:2222 {KEY}\n", "[ntp1]:2222", [1], id="a name with a port"),
    pytest.param(f"ntp1,192.0.2.1 {KEY}\n", "192.0.2.1", [1], id="one of several names"),
    pytest.param(f"ntp1 {OTHER}\nntp1 {KEY}\n", "ntp1", [1, 2], id="keys of two types"),
    pytest.param(f"{HASHED} {KEY}\n", "ntp1", [1], id="a hashed name"),
    pytest.param(f"{HASHED} {KEY}\n", "ntp2", [], id="another's hashed name"),
    pytest.param(f"|1|no|base64! {KEY}\n|1|short {KEY}\n", "ntp1", [], id="a hashed name that is damaged"),
    pytest.param(f"  ntp1\t{KEY}  a comment\r\n", "ntp1", [1], id="blanks and a comment"),
    pytest.param(f"# ntp1 {KEY}\n#ntp1 {KEY}\n\n", "#ntp1", [], id="comments and empty lines"),
    pytest.param("ntp1 ssh-ed25519\n", "ntp1", [], id="no key"),
    pytest.param(f"ntp1 {KEY}", "ntp1", [1], id="a last line without its end"),
    pytest.param(f"\udcff {KEY}\nntp1 {KEY}\n", "ntp1", [2], id="bytes that are no text in another line"),
    pytest.param(f"a {KEY} \x0cntp1 {KEY}\n", "ntp1", [], id="a comment with a form feed"),
    pytest.param(f"NTP1.Example {KEY}\n", "ntp1.example", [1], id="a name in another case"),
    pytest.param(f"* {KEY}\n", "ntp1", [1], id="every name"),
    pytest.param(f"*.example,192.0.2.? {KEY}\n", "192.0.2.7", [1], id="a pattern with ?"),
    pytest.param(f"192.0.2.? {KEY}\n", "192.0.2.10", [], id="? is one character"),
    pytest.param(f"*.example {KEY}\n", "ntp1.example", [1], id="a pattern with *"),
    pytest.param(f"*.EXAMPLE {KEY}\n", "ntp1.example", [1], id="a pattern in another case"),
    pytest.param(f"*.example,!ntp1.example {KEY}\n", "ntp1.example", [], id="a negated name"),
    pytest.param(f"!ntp1.example,*.example {KEY}\n", "ntp1.example", [], id="a negated name that comes first"),
    pytest.param(f"*.example,!ntp1.example {KEY}\n", "ntp2.example", [1], id="not the negated one"),
    pytest.param(f"!ntp1.example {KEY}\n", "ntp2.example", [], id="a negated name alone lets none in"),
    pytest.param(f"[*]:2222 {KEY}\n", "[ntp1]:2222", [1], id="a pattern with a port"),
    pytest.param(f"[n]tp1 {KEY}\n", "ntp1", [], id="brackets are no pattern"),
    pytest.param(f"x,{HASHED} {KEY}\n", "ntp1", [], id="a hashed name stands alone"),
    pytest.param(f"@unknown ntp1 {KEY}\n", "ntp1", [], id="a marker that does not exist"),
    pytest.param(f"@revoked ntp1 {KEY}\n", "ntp1", [1], id="a revoked key"),
    pytest.param(f"@cert-authority *.example {KEY}\n", "ntp1.example", [1], id="an authority"),
]


# ssh-keygen -F looks at names alone; what ssh makes of these stands in integration/test_host_keys.py.
DAMAGED = [
    pytest.param(f"ntp1 {KEY[:-9]}\n", "ntp1", [], id="a key that is cut off"),
    pytest.param(
        f"ntp1 {KEY.replace('ssh-ed25519', 'ssh-rsa')}\n", "ntp1", [], id="a key of another type than it says"
    ),
]


@pytest.mark.parametrize(("text", "name", "lines"), [*CASES, *DAMAGED])
def test_lines_about_a_host(text: str, name: str, lines: list[int], tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(text.encode(errors="surrogateescape"))
    found = sorted(int(line.where.removeprefix(f"{file}:")) for line in read_known_hosts(file).lines_about(name))
    assert found == lines


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="compares with ssh-keygen")
@pytest.mark.parametrize(("text", "name", "lines"), CASES)
def test_they_are_those_that_ssh_finds(text: str, name: str, lines: list[int], tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(text.encode(errors="surrogateescape"))
    words = ("ssh-keygen", "-F", name, "-f", str(file))
    said = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace").stdout
    # As in: "# Host ntp1 found: line 3 REVOKED".
    found = [int(line.split()[5]) for line in said.splitlines() if line.startswith("# Host ")]
    assert found == lines


def test_a_name_is_looked_for_in_lower_case(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"ntp1 {KEY}\n{HASHED} {KEY}\nntp? {KEY}\n")
    assert len(read_known_hosts(file).lines_about("NTP1")) == 3


@pytest.mark.parametrize(
    ("marker", "text"), [(Marker.NONE, ""), (Marker.REVOKED, "@revoked "), (Marker.AUTHORITY, "@cert-authority\t")]
)
def test_a_line_has_the_purpose_of_its_key_and_its_position(marker: Marker, text: str, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"\n{text}ntp1 {KEY}\n")
    (line,) = read_known_hosts(file).lines_about("ntp1")
    assert line == Line(marker, line.key, f"{file}:2")
    assert line.type == "ssh-ed25519"


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"ntp1 {KEY}\n")
    first = read_known_hosts(file)
    assert read_known_hosts(file) is first
    with file.open("a") as appended:
        appended.write(f"ntp2 {KEY}\n")
    assert [line.where for line in read_known_hosts(file).lines_about("ntp2")] == [f"{file}:2"]
    before = file.stat()
    file.write_text(file.read_text().replace("ntp2", "ntp3"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert read_known_hosts(file).lines_about("ntp2") == []


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_known_hosts(tmp_path / "known_hosts")


def test_a_pipe_is_refused_and_the_null_device_has_no_hosts(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_known_hosts(tmp_path / "pipe")
    assert read_known_hosts(Path(os.devnull)).lines_about("ntp1") == []
