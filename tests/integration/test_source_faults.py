"""Each layer at which a source fails, made to happen between two booted hosts, is named by status and verify."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provision.host.sandbox.room import netns_of
from provision.host.sandbox.sandbox import Sandbox
from provision.output.status import Layer
from tests.helpers.booted_hosts import booted, changed, login
from tests.helpers.waiting import PATIENCE
from tests.integration.conftest import Deployed

pytestmark = pytest.mark.integration

NET = "10.13.0"
"""A network of the two hosts alone."""
SECRET, OTHER_SECRET = "00" * 16, "11" * 16
CLOCK = "local stratum 3"
SERVERS = {
    10: (CLOCK,),
    11: (CLOCK, "ratelimit interval 12 burst 1 leak 4 kod 1"),
    12: (CLOCK, "keyfile /etc/c/other-secret"),
    13: (),
    16: (CLOCK,),
    17: (CLOCK,),
    18: (CLOCK, "ntsservercert /etc/c/expired.c", "ntsserverkey /etc/c/expired.k"),
    19: (CLOCK, "ntsservercert /etc/c/other.c", "ntsserverkey /etc/c/other.k"),
    20: (CLOCK,),
    22: (CLOCK,),
    23: (CLOCK,),
    24: (CLOCK,),
    27: (CLOCK, "ntsservercert /etc/c/untrusted.c", "ntsserverkey /etc/c/untrusted.k"),
    31: (CLOCK, "keyfile /etc/c/other-id"),
    32: (CLOCK, "ntsservercert /etc/c/other.c", "ntsserverkey /etc/c/expired.k"),
    33: (CLOCK, "ntsservercert /etc/c/early.c", "ntsserverkey /etc/c/early.k"),
}
"""The last number of the address → lines of the chronyd that serves there."""
NAMES = {18: "expired.test", 19: "wrong-name.test", 20: "closed.test", 27: "untrusted.test", 32: "bad-key.test"}
NAMES |= {33: "early.test"}
"""The last number of the address → the name of the source."""
OPTIONS = {
    10: "trust",
    12: "key 7",
    18: "nts",
    19: "nts",
    20: "nts",
    22: "noselect",
    23: "offset 5",
    25: "key 99",
    27: "nts",
    28: "key 7",
    31: "key 7",
    32: "nts",
    33: "nts",
}
"""The last number of the address → options of the source."""
LAYERS = {
    10: None,
    11: Layer.RATE,
    12: Layer.KEY_REFUSED,
    13: Layer.UNSYNCHRONISED,
    14: Layer.CLOSED_THERE,
    15: Layer.NO_ANSWER,
    16: Layer.CLOSED_HERE,
    17: Layer.NO_ROUTE,
    18: Layer.NTS_EXPIRED,
    19: Layer.NTS_NAME,
    20: Layer.NTS_CONNECTION,
    22: Layer.NOSELECT,
    23: Layer.FALSETICKER,
    24: Layer.OFFLINE,
    25: Layer.KEY_MISSING,
    27: Layer.NTS_UNTRUSTED,
    28: Layer.MAC_WRONG,
    31: Layer.KEY_REFUSED,
    32: Layer.NTS_TLS,
    33: Layer.NTS_EARLY,
}
ANSWERER = f"""
import socket, struct, threading, time
def serve(address, answers):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 123))
    while True:
        request, client = server.recvfrom(600)
        now = time.time() + 2208988800
        stamp = struct.pack("!II", int(now), int(now % 1 * 2**32))
        head = bytes([0x24, 3, request[2], 0xE7]) + bytes(8) + bytes([127, 127, 1, 1])
        head += stamp + request[40:48] + stamp * 2
        mac = struct.pack("!I", 7) + bytes(16)
        if answers:
            server.sendto(head + (mac if len(request) > 48 else b""), client)
threading.Thread(target=serve, args=("{NET}.15", False), daemon=True).start()
serve("{NET}.28", True)
"""
"""A server that is mute, and one whose MACs are wrong."""


def name_of(number: int) -> str:
    return NAMES.get(number, f"{NET}.{number}")


@pytest.fixture(scope="module")
def server(deployed: Deployed) -> Iterator[Sandbox]:
    """Return a host with a chronyd at each address, connected to the deployed host."""
    with booted("it-sources") as host:
        shutil.copytree(next(deployed.host.root.glob("opt/chrony/builds/*")), host.root / "opt/b")
        make_certificates(host.root / "etc/c", deployed.host.root / "etc/faults-ca.pem")
        for file, key in (("other-secret", f"7 AES128 HEX:{OTHER_SECRET}"), ("other-id", f"8 AES128 HEX:{SECRET}")):
            (host.root / "etc/c" / file).write_text(f"{key}\n")
        connect(deployed.host, host)
        for number, lines in SERVERS.items():
            folder = host.root / f"run-{number}"
            folder.mkdir(mode=0o700)
            common = (f"bindaddress {NET}.{number}", "allow", "cmdport 0", "bindcmdaddress /", "user root")
            text = "\n".join((*common, f"pidfile /run-{number}/pid", *lines, ""))
            (folder / "conf").write_text(text)
        start = "for conf in /run-*/conf; do /opt/b/sbin/chronyd -x -f $conf; done"
        login(host, start)
        words = ["ip", "netns", "exec", netns_of(host.name), sys.executable, "-c", ANSWERER]
        with subprocess.Popen(words) as answerer:
            yield host
            answerer.kill()


def connect(client: Sandbox, server: Sandbox) -> None:
    """Give the two hosts a network of their own, in which the server has all addresses."""
    here, there = netns_of(client.name), netns_of(server.name)
    commands = [f"ip link add faults netns {here} type veth peer name faults netns {there}"]
    commands += [f"ip -n {here} addr add {NET}.2/24 dev faults", f"ip -n {here} link set faults up"]
    commands += [f"ip -n {there} addr add {NET}.{number}/24 dev faults" for number in LAYERS]
    commands += [f"ip -n {there} link set faults up"]
    subprocess.run(["sh", "-euc", "\n".join(commands)], check=True)


def make_certificates(folder: Path, authority: Path) -> None:
    """Make certificates with one fault each, of an authority that the client trusts but for one."""
    folder.mkdir()
    ca = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    builder = certificate(name, name, ca.public_key(), 0, 9)
    signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    authority.write_bytes(signed.sign(ca, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    days = {"expired": (-9, -5), "early": (5, 9), "other": (0, 9), "untrusted": (0, 9)}
    for file, (first, last) in days.items():
        key = ec.generate_private_key(ec.SECP256R1())
        builder = certificate(x509.Name([]), name, key.public_key(), first, last)
        names = x509.SubjectAlternativeName([x509.DNSName(f"{file}.test")])
        signer = ca if file != "untrusted" else ec.generate_private_key(ec.SECP256R1())
        made = builder.add_extension(names, critical=True).sign(signer, hashes.SHA256())
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (folder / f"{file}.c").write_bytes(made.public_bytes(pem))
        (folder / f"{file}.k").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, first: int, last: int
) -> x509.CertificateBuilder:
    """Return a certificate that is valid from the first to the last day, counted from today."""
    today = datetime.now(UTC) - timedelta(hours=1)
    begin, end = today + timedelta(days=first), today + timedelta(days=last)
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), begin, end)


@pytest.fixture(scope="module")
def client(deployed: Deployed, server: Sandbox) -> Iterator[Deployed]:  # noqa: ARG001 -- it has to run
    """Return the deployed host, all of whose sources but one are broken, each otherwise."""
    root = deployed.host.root
    current = (root / "opt/chrony/current").resolve()
    conf, keys, hosts = current / "chrony.conf", current / "chrony.keys", root / "etc/hosts"
    sources = [f"server {name_of(number)} iburst minpoll 0 maxpoll 0 {OPTIONS.get(number, '')}" for number in LAYERS]
    kept = [line for line in conf.read_text().splitlines() if not line.startswith(("server ", "pool ", "authselect"))]
    more = ("server nowhere.invalid iburst", "authselectmode ignore", "ntstrustedcerts /etc/faults-ca.pem")
    table = "".join(f"{NET}.{number} {name}\n" for number, name in NAMES.items())
    nft = "add table inet t; add chain inet t o { type filter hook output priority 0; }; "
    nft += f"add rule inet t o ip daddr {NET}.16 udp dport 123 drop"
    install = "command -v nft >/dev/null || apt-get -qq install -y nftables >/dev/null 2>&1"
    login(deployed.host, f"{install}; nft '{nft}'; ip route add unreachable {NET}.17/32")
    with ExitStack() as stack:
        stack.enter_context(changed(conf, "\n".join((*kept, *sources, *more, ""))))
        stack.enter_context(changed(keys, f"{keys.read_text()}7 AES128 HEX:{SECRET}\n"))
        stack.enter_context(changed(hosts, f"{hosts.read_text()}{table}"))
        login(deployed.host, "systemctl restart chronyd")
        login(deployed.host, f"/opt/chrony/current/build/bin/chronyc offline {NET}.24")
        yield deployed
    login(deployed.host, f"nft delete table inet t; ip route del unreachable {NET}.17/32; rm /etc/faults-ca.pem")
    login(deployed.host, "systemctl restart chronyd")
    assert deployed.run("deploy").status == 0


def layers(client: Deployed) -> Mapping[str, str | None]:
    """Return the layer of each source, by its name."""
    sources = client.run("status").report["status"]["sources"]
    return {source["name"]: source["fault"] and source["fault"]["layer"] for source in sources}


def test_each_layer_is_named(client: Deployed) -> None:
    wanted: dict[str, str | None] = {name_of(number): layer and layer.value for number, layer in LAYERS.items()}
    wanted["nowhere.invalid"] = Layer.NAME.value
    # The first answers take some seconds, as do three measurements of a falseticker.
    deadline = time.monotonic() + PATIENCE
    while (seen := layers(client)) != wanted and time.monotonic() < deadline:
        time.sleep(1)
    assert seen == wanted


def test_verify_names_the_layer_of_a_key_and_of_a_name(client: Deployed) -> None:
    ran = client.run("verify")
    assert Layer.KEY_REFUSED.value in ran.seen("sources.authenticated", f"key 7 at {NET}.31")
    assert Layer.MAC_WRONG.value in ran.seen("sources.authenticated", f"key 7 at {NET}.28")
    assert Layer.NTS_NAME.value in ran.seen("sources.authenticated", f"NTS at {NET}.19")
