"""Several hosts in one site: groups of hosts that agree, and their names."""

from provision.site.decode import Tree
from provision.takeover.merge import host_names, site_of

CLIENT: Tree = {"serve": {"role": "client"}}
SERVER: Tree = {"serve": {"allow": ["10.0.0.0/8"]}}
OTHER: Tree = {"serve": {"allow": ["192.168.0.0/16"]}}


def test_settings_of_all_hosts_are_the_defaults_of_the_site() -> None:
    assert site_of({"a": CLIENT, "b.example.com": CLIENT}, {"keys": {"file": "k"}}) == {
        "serve": {"role": "client"},
        "keys": {"file": "k"},
        "hosts": {"a": {}, "b": {"host": "b.example.com"}},
    }


def test_hosts_that_agree_are_a_group_and_the_order_stays() -> None:
    site = site_of({"a": CLIENT, "b": SERVER, "c": OTHER, "d": CLIENT, "e": SERVER}, {})
    assert site == {
        "groups": {"clients": CLIENT, "servers": SERVER},
        "hosts": {
            "a": {"group": "clients"},
            "b": {"group": "servers"},
            "c": OTHER,
            "d": {"group": "clients"},
            "e": {"group": "servers"},
        },
    }
    assert list(site["hosts"]) == ["a", "b", "c", "d", "e"]


def test_two_groups_of_servers_have_different_names() -> None:
    site = site_of({"a": SERVER, "b": OTHER, "c": SERVER, "d": OTHER}, {})
    assert list(site["groups"]) == ["servers", "servers2"]


def test_a_group_does_not_have_the_name_of_a_host() -> None:
    site = site_of({"servers": SERVER, "b": SERVER, "clients": CLIENT, "d": CLIENT}, {})
    assert list(site["groups"]) == ["servers2", "clients2"]


def test_no_two_hosts_have_one_name() -> None:
    names = host_names(("ntp.a-b", "ntp.a.b", "ntp-a.b", "ntp-a-b2"))
    assert len(set(names.values())) == len(names)


def test_names_of_hosts() -> None:
    names = host_names(("ntp1.example.com", "admin@ntp2:2222", "192.0.2.1", "ntp3.a.net", "ntp3.b.net", "sandbox:web"))
    assert dict(names)["ntp1.example.com"] == "ntp1"
    assert dict(names)["admin@ntp2:2222"] == "ntp2"
    assert dict(names)["192.0.2.1"] == "host-192-0-2-1"
    assert dict(names)["sandbox:web"] == "web"
    assert names["ntp3.a.net"] != names["ntp3.b.net"]
    assert len(set(names.values())) == len(names)
