"""What is chosen for a host from its site and its facts: the account of chronyd, and the recipe of its build."""

from dataclasses import replace
from typing import Literal

import pytest

from provision.deploy.choices import choose_generation, choose_recipe, choose_user
from provision.deploy.generation import Generation
from provision.site.directive import Directive
from provision.site.schema import Build, Serve, Service, Site
from provision.site.time import Time
from tests.helpers.samples import FACTS, KEYS, RECIPE


@pytest.mark.parametrize(
    ("there", "os_id", "user"), [("", "debian", "_chrony"), ("", "fedora", "chrony"), ("ntp", "debian", "ntp")]
)
def test_the_account_is_that_of_the_distribution(there: str, os_id: str, user: str) -> None:
    assert choose_user(replace(FACTS, chrony_user=there, os=os_id, os_like=())) == user


@pytest.mark.parametrize("wanted", [True, False])
def test_a_recipe_has_the_build_settings_of_the_site(wanted: bool) -> None:  # noqa: FBT001 -- a parameter of a case
    extra = (Directive("refclock PPS /dev/pps0"), Directive("ntpsigndsocket /samba")) if wanted else ()
    site = Site(build=Build(nts=wanted, seccomp=wanted, readline=wanted), time=Time(extra=extra))
    recipe = choose_recipe(site, FACTS, chrony=RECIPE.chrony, nettle=RECIPE.nettle)
    assert (recipe.nts, recipe.seccomp, recipe.readline, recipe.pps, recipe.signd) == (wanted,) * 5


def generation(
    version: str = "4.9",
    role: Literal["server", "client"] = "server",
    systemd: int | None = 252,
    *,
    sockets: bool | None = None,
    foreign_socket: str = "",
) -> Generation:
    """Return the generation of a host whose site has the defaults otherwise."""
    recipe = replace(RECIPE, chrony=replace(RECIPE.chrony, version=version))
    site = Site(serve=Serve(role=role), service=Service(sockets=sockets))
    facts = replace(FACTS, systemd=systemd, can_set_clock=True, foreign_socket=foreign_socket)
    return choose_generation(site, facts, recipe=recipe, keys=KEYS, time_source=None)


@pytest.mark.parametrize("version", ["4.5", "4.9"])
def test_a_server_has_a_socket_unit_and_does_without_the_right_to_open_its_port(version: str) -> None:
    one = generation(version)
    assert "\nListenDatagram=0.0.0.0:123\nListenDatagram=[::]:123\n" in one.socket
    assert "\nbindaddress 0.0.0.0\nbindaddress ::\n" in one.conf
    assert "\nRequires=chronyd.socket\n" in one.unit
    assert "\nCapabilityBoundingSet=CAP_SYS_TIME\n" in one.unit


@pytest.mark.parametrize(
    ("version", "systemd", "sockets"), [("4.4", 252, None), ("4.9", 219, None), ("4.9", 252, False)]
)
def test_an_older_release_an_older_systemd_or_another_site_opens_the_port_itself(
    version: str,
    systemd: int,
    sockets: bool | None,  # noqa: FBT001 -- a parameter of a case
) -> None:
    one = generation(version, systemd=systemd, sockets=sockets)
    assert (one.socket, "bindaddress" in one.conf, "chronyd.socket" in one.unit) == ("", False, False)
    assert "CAP_NET_BIND_SERVICE" in one.unit


def test_a_kernel_without_ipv6_gets_no_socket_of_ipv6() -> None:
    facts = replace(FACTS, systemd=252, has_ipv6=False)
    one = choose_generation(Site(), facts, recipe=RECIPE, keys=KEYS, time_source=None)
    assert "ListenDatagram=0.0.0.0:123\n" in one.socket
    assert ("[::" in one.socket, "bindaddress ::" in one.conf) == (False, False)


def test_a_file_of_the_administrator_that_changes_the_socket_unit_leaves_chronyd_its_ports_by_default() -> None:
    file = "/etc/systemd/system/socket.d/x.conf"
    assert generation(foreign_socket=file).socket == ""
    # The step unit-overrides refuses this one.
    assert "chronyd.socket" in generation(foreign_socket=file, sockets=True).unit


def test_a_client_has_no_port_and_no_socket() -> None:
    one = generation(role="client")
    assert (one.socket, "chronyd.socket" in one.unit) == ("", False)
