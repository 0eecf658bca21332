"""The text of a site file."""

import tomllib

from provision.takeover.site_text import site_text


def test_it_reads_like_a_hand_written_file() -> None:
    tree = {
        "time": {
            "rtcsync": False,
            "makestep": {"threshold": 1, "limit": 0},
            "extra": ['refclock SHM 0 refid "GPS"'],
            "servers": [{"address": "ntp1", "key": 12}, {"address": "ntp2"}],
        },
        "keys": {"file": "chrony.keys"},
        "groups": {"clients": {"serve": {"role": "client"}}},
        "hosts": {"web1": {"group": "clients"}, "ntp1": {"serve": {"allow": ["10.0.0.0/8"]}}, "bare": {}},
    }
    text = site_text(tree, ["Two", "", "lines"])
    assert text == (
        "# Two\n#\n# lines\n"
        "\n[time]\nrtcsync = false\nmakestep = { threshold = 1, limit = 0 }\n"
        'extra = ["refclock SHM 0 refid \\"GPS\\""]\n'
        '\n[[time.servers]]\naddress = "ntp1"\nkey = 12\n'
        '\n[[time.servers]]\naddress = "ntp2"\n'
        '\n[keys]\nfile = "chrony.keys"\n'
        '\n[groups.clients.serve]\nrole = "client"\n'
        '\n[hosts]\nweb1 = { group = "clients" }\nbare = {}\n'
        '\n[hosts.ntp1.serve]\nallow = ["10.0.0.0/8"]\n'
    )
    assert tomllib.loads(text) == tree


def test_a_long_array_has_a_line_for_each_value() -> None:
    values = [f"10.0.{number}.0/24" for number in range(20)]
    text = site_text({"serve": {"allow": values, "deny": []}})
    assert '\n    "10.0.7.0/24",\n' in text
    assert tomllib.loads(text) == {"serve": {"allow": values, "deny": []}}


def test_a_name_that_no_bare_key_can_be_survives() -> None:
    text = site_text({"time": {"extra": ["dscp 46\t"]}})
    assert tomllib.loads(text) == {"time": {"extra": ["dscp 46\t"]}}
