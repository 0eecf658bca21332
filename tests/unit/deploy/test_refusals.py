"""Hosts on which chronyd cannot be a service are refused before anything is done there."""

import re
from dataclasses import replace
from typing import Any

import pytest

from provision.common.errors import HostUnready
from provision.deploy.refusals import (
    refuse_metrics,
    refuse_nts_in_fips_mode,
    refuse_sockets,
    refuse_without_port,
    refuse_without_systemd,
)
from provision.site.directive import Directive
from provision.site.schema import Serve, Service, Site
from provision.site.source import Server
from provision.site.text_types import Address
from provision.site.time import Time
from tests.helpers.samples import FACTS


def test_a_server_without_the_right_to_its_port_is_refused_and_a_client_is_not() -> None:
    facts = replace(FACTS, can_serve=False)
    with pytest.raises(HostUnready, match=r"^ntp1: no service here may have CAP_NET_BIND_SERVICE"):
        refuse_without_port("ntp1", facts, Site())
    refuse_without_port("ntp1", facts, Site(serve=Serve(role="client")))
    refuse_without_port("ntp1", FACTS, Site())


def test_a_systemd_without_the_deployed_unit_is_refused() -> None:
    with pytest.raises(HostUnready, match=r"^ntp1: systemd 204 is older than 219"):
        refuse_without_systemd("ntp1", replace(FACTS, systemd=204))
    refuse_without_systemd("ntp1", replace(FACTS, systemd=219))
    refuse_without_systemd("ntp1", replace(FACTS, systemd=None))


WITH_NTS = [
    Site(time=Time(servers=(Server(address=Address("ntp1.example"), nts=True),))),
    Site(time=Time(extra=(Directive("ntsservercert /etc/nts.crt"), Directive("ntsserverkey /etc/nts.key")))),
]


@pytest.mark.parametrize("site", WITH_NTS, ids=["source", "server"])
def test_nts_is_refused_in_fips_mode_and_keys_are_not(site: Site) -> None:
    facts = replace(FACTS, fips=True)
    with pytest.raises(HostUnready, match=r"^ntp1: is in FIPS mode, in which GnuTLS does not permit AES-SIV-CMAC"):
        refuse_nts_in_fips_mode("ntp1", facts, site)
    refuse_nts_in_fips_mode("ntp1", facts, Site())
    refuse_nts_in_fips_mode("ntp1", FACTS, site)


def test_a_systemd_that_does_not_keep_the_file_of_the_metrics_is_refused() -> None:
    site = Site(service=Service(metrics="textfile"))
    with pytest.raises(HostUnready, match=r"^ntp1: systemd 232 is older than 236, which service\.metrics needs: leave"):
        refuse_metrics("ntp1", replace(FACTS, systemd=232), site)
    refuse_metrics("ntp1", replace(FACTS, systemd=232), Site())
    refuse_metrics("ntp1", replace(FACTS, systemd=236), site)


SOCKETS = [
    pytest.param({}, {}, "4.4", "chrony 4.4 is older than 4.5", id="chrony"),
    pytest.param({"systemd": 219}, {}, "4.9", "systemd 219 is older than 235", id="systemd"),
    pytest.param({}, {"role": "client"}, "4.9", "it is a client", id="client"),
    pytest.param({}, {}, "4.9", "its bindaddress is no address, or it opens no port", id="bindaddress"),
]


@pytest.mark.parametrize(("facts", "serve", "chrony", "why"), SOCKETS)
def test_sockets_that_a_site_asks_for_are_refused_where_they_cannot_be(
    facts: dict[str, Any], serve: dict[str, Any], chrony: str, why: str
) -> None:
    site = Site(serve=Serve(**serve), service=Service(sockets=True))
    words = f"ntp1: systemd cannot keep the ports of chronyd open here ({why}), and service.sockets = true demands it"
    with pytest.raises(HostUnready, match=f"^{re.escape(words)}"):
        refuse_sockets("ntp1", replace(FACTS, **facts), site, chrony, has_sockets=False)


def test_sockets_are_not_missed_where_a_site_does_not_ask_for_them() -> None:
    refuse_sockets("ntp1", FACTS, Site(), "4.4", has_sockets=False)
    refuse_sockets("ntp1", FACTS, Site(service=Service(sockets=True)), "4.9", has_sockets=True)
