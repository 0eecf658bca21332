"""What --host may say."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.common.errors import SiteError
from provision.host.target import Kind, Target, parse_target


def ssh(text: str, address: str, user: str | None = None, port: int | None = None) -> Target:
    return Target(text=text, kind=Kind.SSH, address=address, user=user, port=port)


ACCEPTED = [
    ssh("ntp1", "ntp1"),
    ssh("ntp1.example.com", "ntp1.example.com"),
    ssh("admin@ntp1:2222", "ntp1", "admin", 2222),
    ssh("my_alias-2", "my_alias-2"),
    ssh("198.18.0.7", "198.18.0.7"),
    ssh("root@198.18.0.7:22", "198.18.0.7", "root", 22),
    ssh("2001:db8::1", "2001:db8::1"),
    ssh("admin@2001:db8::1", "2001:db8::1", "admin"),
    ssh("[2001:db8::1]:65535", "2001:db8::1", None, 65535),
    ssh("admin@[fe80::1%eth0]:2222", "fe80::1%eth0", "admin", 2222),
    ssh("::ffff:198.18.0.7", "::ffff:198.18.0.7"),
    ssh("dom.user@ntp1:1", "ntp1", "dom.user", 1),
    ssh("op@corp.example@ntp1:22", "ntp1", "op@corp.example", 22),
    ssh("a@b@c@[2001:db8::1]", "2001:db8::1", "a@b@c"),
    ssh(r"CORP\op@ntp1", "ntp1", r"CORP\op"),
    ssh("ssh://ntp1", "ntp1"),
    ssh("ssh://op@ntp1:22", "ntp1", "op", 22),
    ssh("ssh://op@corp.example@[2001:db8::1]:22/", "2001:db8::1", "op@corp.example", 22),
    ssh("localhost", "localhost"),
    ssh("sandbox1", "sandbox1"),
    Target(text="local", kind=Kind.LOCAL),
    Target(text="sandbox", kind=Kind.SANDBOX),
    Target(text="sandbox:trixie", kind=Kind.SANDBOX, sandbox="trixie"),
]


@pytest.mark.parametrize("target", ACCEPTED, ids=str)
def test_a_host_is_understood(target: Target) -> None:
    assert parse_target(target.text) == target
    assert str(target) == target.text


REFUSED = [
    "",
    " ",
    "a b",
    "@ntp1",
    "admin@",
    "ntp1:",
    "ntp1:ssh",
    "ntp1:123456",
    "-oProxyCommand=sh",
    "ntp1\n",
]
REFUSED += [
    ".",
    "ssh://",
    "ssh://op@",
    "http://op@ntp1",
    "op@ssh://ntp1",
    "ssh://ntp1/x",
    "ssh://ssh://ntp1",
    "ntp1/",
    "[2001:db8::1",
    "[ntp 1]:22",
    "root@-oX",
    "a;b",
    "$(id)",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_text_that_is_no_host_is_refused_with_the_accepted_forms(text: str) -> None:
    words = re.escape(
        f"--host {text!r}: not a host; say name, user@name:port, user@[2001:db8::1]:port, local or sandbox"
    )
    with pytest.raises(SiteError, match=f"^{words}$"):
        parse_target(text)


@pytest.mark.parametrize("name", ["", "NC_1", "-a", "a.b", "../x", "a\n", "a" * 41])
def test_a_sandbox_is_named_as_a_host(name: str) -> None:
    words = re.escape(f"--host {'sandbox:' + name!r}: not a sandbox; say sandbox, or sandbox:NAME with a to z, 0 to 9 ")
    with pytest.raises(SiteError, match=f"^{words}"):
        parse_target(f"sandbox:{name}")


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_is_one_that_there_is(port: int) -> None:
    with pytest.raises(SiteError, match=f"^--host 'ntp1:{port}': port {port} is not between 1 and 65535$"):
        parse_target(f"ntp1:{port}")


PARTS = st.sampled_from(
    ["admin", "@", "ntp1", ":", "22", "[", "]", "2001:db8::1", "%", "sandbox", "local", ".", "-", " "]
)


@given(st.text() | st.lists(PARTS).map("".join))
def test_no_text_raises_anything_but_a_site_error(text: str) -> None:
    try:
        target = parse_target(text)
    except SiteError as error:
        assert "\n" not in str(error)
    else:
        assert bool(target.address) == (target.kind is Kind.SSH)
        assert not target.address.startswith("-")
