"""The settings of a time service that a deployment over it would lose, or open."""

from dataclasses import replace

import pytest

from provision.common.results import Loss
from provision.keys import DEFAULT_BYTES, LENGTHS, Key, Keys
from provision.takeover.existing import ConfigFile, ExistingService, Program
from provision.takeover.lost import losses
from provision.takeover.wanted import Wanted

CONF = "/etc/chrony/chrony.conf"
KEYS = "/etc/chrony/chrony.keys"


def service(conf: str = "", *, keys: str = "", command: tuple[str, ...] = (), drop_in: str = "") -> ExistingService:
    """Return a customised chrony."""
    overrides = (ConfigFile(path="/etc/systemd/system/chrony.service.d/a.conf", text=drop_in),) if drop_in else ()
    return ExistingService(
        program=Program.CHRONY,
        unit="chrony.service",
        command=("/usr/sbin/chronyd", *command),
        files=(ConfigFile(path=CONF, text=conf),),
        key_files=(ConfigFile(path=KEYS, text=keys),),
        overrides=overrides,
    )


def wanted(conf: str, *, arguments: str = "-n -F 2", **keys: str) -> Wanted:
    """Return a generation; ``key12`` is the type of key 12."""
    unit = (
        f"[Service]\nExecStart=/opt/chrony/current/build/sbin/chronyd {arguments} -f /opt/chrony/current/chrony.conf\n"
    )
    return Wanted.of(conf, unit, Keys(tuple(key(int(name.removeprefix("key")), type_) for name, type_ in keys.items())))


def key(id_: int, type_: str) -> Key:
    return Key(id_, type_, bytes(range(LENGTHS.get(type_, DEFAULT_BYTES))))


CASES = [
    pytest.param("server a iburst", "server a", [], id="the burst at the start"),
    pytest.param("server A. minpoll 4", "server a minpoll 4", [], id="names in another case"),
    pytest.param("server a minpoll 4 nts", "server a nts minpoll 4", [], id="options in another order"),
    pytest.param("server a", "server b", ["source: server a"], id="a source that vanishes"),
    pytest.param("server a key 12", "server a", ["source.options: server a key 12 → server a"], id="without its key"),
    pytest.param(
        "server a minpoll 4 maxpoll 6",
        "server a minpoll 6 maxpoll 4",
        ["source.options: server a minpoll 4 maxpoll 6 → server a minpoll 6 maxpoll 4"],
        id="values of other options",
    ),
    pytest.param("pool a", "server a", ["source.options: pool a → server a"], id="one server of a pool"),
    pytest.param("sourcedir /run/chrony-dhcp", "", ["source.dhcp: sourcedir /run/chrony-dhcp"], id="sources by DHCP"),
    pytest.param("sourcedir /run/chrony-dhcp", "sourcedir /run/chrony-dhcp", [], id="sources by DHCP that stay"),
    pytest.param("sourcedir /var/run/chrony-dhcp/", "sourcedir /run/chrony-dhcp", [], id="/var/run is /run"),
    pytest.param("sourcedir /etc/chrony/sources.d", "", [], id="a folder whose sources are compared one by one"),
    pytest.param("refclock SHM 0 refid GPS", "", ["refclock: refclock SHM 0 refid GPS"], id="a reference clock"),
    pytest.param("LOCAL Orphan", "local stratum 10 orphan", [], id="the default stratum, and options in another order"),
    pytest.param(
        "local stratum 5", "local stratum 10", ["local: local stratum 5 → local stratum 10"], id="another stratum"
    ),
    pytest.param(
        "ntsservercert /a\nntsserverkey /b",
        "",
        ["nts-server: ntsservercert /a", "nts-server: ntsserverkey /b"],
        id="NTS",
    ),
    pytest.param(
        "ntsservercert /a\nntsserverkey /b",
        "ntsservercert /opt/chrony/current/nts.crt\nntsserverkey /opt/chrony/current/nts.key",
        [],
        id="NTS with the certificate of the site",
    ),
    pytest.param("", "allow 10.0.0.0/8", ["server.opens: an NTP server for 10.0.0.0/8"], id="a server where none was"),
    pytest.param("allow 10.0.0.0/8", "", ["server.closes: an NTP server for 10.0.0.0/8"], id="no server any more"),
    pytest.param("allow\nport 0", "", [], id="a server without its port was none"),
    pytest.param("", "allow 127.0.0.0/8\nallow ::1", [], id="programs of the host itself"),
    pytest.param(
        "allow 10.9.0.0/16",
        "allow 10.0.0.0/15\nallow 10.9.0.0/16",
        ["access.wider: access for 10.9.0.0/16 → access for 10.0.0.0/15 and 10.9.0.0/16"],
        id="wider",
    ),
    pytest.param(
        "allow 10.0.0.0/8",
        "allow 10.0.0.0/9",
        ["access.narrower: access for 10.128.0.0/9"],
        id="narrower",
    ),
    pytest.param(
        "allow 10.0.0.0/8",
        "allow 10.0.0.0/8\nallow fd00::/8",
        [
            "access.wider: access for 10.0.0.0/8 → access for 10.0.0.0/8 and fd00::/8",
            "ipv6.opens: access for IPv4 alone → also IPv6",
        ],
        id="IPv6",
    ),
    pytest.param(
        "allow 0.0.0.0/0\ndeny 10.9.0.0/16",
        "allow 10.0.0.0/8",
        [
            "access.wider: access for everyone (IPv4) but not 10.9.0.0/16 → access for 10.0.0.0/8",
            "access.narrower: access for 0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6 and 4 more networks",
        ],
        id="wider in one place and narrower in others",
    ),
    pytest.param(
        "allow ntp.example.org\nallow 10.0.0.0/8",
        "allow 10.0.0.0/8",
        ["access.host-name: allow ntp.example.org"],
        id="a host name",
    ),
    pytest.param("allow\nport 1123", "allow", ["directive: port 1123 → port 123"], id="another port"),
    pytest.param("port 1123", "port 0", [], id="another port of a client"),
    pytest.param("server 2001:DB8:0:0::1", "server 2001:db8::1", [], id="an IPv6 address in another form"),
    pytest.param("makestep 1.0 3", "makestep 1 3", [], id="the same number"),
    pytest.param("maxdistance 1e-3", "maxdistance 0.001", [], id="the same number with an exponent"),
    pytest.param("makestep 1 3\nmakestep 1 -1\nport 1\nport 0", "makestep 1 -1", [], id="of two lines the last counts"),
    pytest.param("log tracking\nlog statistics", "log statistics tracking", [], id="logs in several lines"),
    pytest.param("log tracking rtc", "log rtc", ["directive: log tracking → log rtc"], id="one log of two"),
    pytest.param(
        "bindcmdaddress 0.0.0.0\ncmdallow 10.0.0.0/8",
        "bindcmdaddress /run/chrony/chronyd.sock\ncmdallow 10.0.0.0/8",
        ["directive: bindcmdaddress 0.0.0.0"],
        id="commands of other hosts",
    ),
    pytest.param("bindcmdaddress 127.0.0.1\nbindcmdaddress ::1\nbindcmdaddress /", "", [], id="commands of this one"),
    pytest.param("log tracking statistics", "log statistics tracking", [], id="logs in another order"),
    pytest.param("makestep 1 3", "makestep 0.1 -1", ["directive: makestep 1 3 → makestep 0.1 -1"], id="another value"),
    pytest.param("lock_all", "", ["directive: lock_all"], id="another directive"),
    pytest.param("pidfile /a\nuser b\ndriftfile /c\nkeyfile /d\nlogdir /e", "", [], id="what a deployment decides"),
    pytest.param("dumponexit\nlinux_hz 100\ncommandkey 1", "", [], id="what chronyd ignores"),
    pytest.param("allow 10.0.0.0/99", "", ["configuration: access that cannot be compared: "], id="a line in error"),
]


def in_words(found: tuple[Loss, ...]) -> list[str]:
    return [f"{loss.id}: {loss}" for loss in found]


@pytest.mark.parametrize(("old", "new", "lost"), CASES)
def test_configuration(old: str, new: str, lost: list[str]) -> None:
    found = in_words(losses([service(old)], wanted(new)))
    if lost and lost[0].endswith(": "):
        found = [text[: len(lost[0])] for text in found]
    assert found == lost


def test_keys_by_id_and_type() -> None:
    old = service(keys="12 AES128\n13 M\n14 SHA1\n# 15 MD5\n16\nx MD5\n")
    found = losses([old], wanted("", key12="AES128", key13="MD5", key14="AES256"))
    assert found == (Loss(id="key", was="key 14 SHA1", now="key 14 AES256", place=f"{KEYS}:3"),)
    assert in_words(losses([service(keys="12 AES128\n")], wanted(""))) == ["key: key 12 AES128"]


def test_a_key_with_another_secret() -> None:
    same, other = key(12, "AES128"), Key(13, "MD5", b"a-long-password")
    # The host has computed no digest of key 14.
    old = service(keys=f"12 AES128 {same.short_digest}\n13 M {other.short_digest}\n14 SHA1\n")
    found = losses([old], wanted("", key12="AES128", key13="MD5", key14="SHA1"))
    assert found == (Loss(id="key.secret", was="key 13 M", now="key 13 with another secret", place=f"{KEYS}:2"),)


def test_the_place_is_file_and_line() -> None:
    (loss,) = losses([service("# GPS\nrefclock SHM 0\n")], wanted(""))
    assert loss.place == f"{CONF}:2"


@pytest.mark.parametrize(
    ("command", "arguments", "lost"),
    [
        (("-F", "1", "-u", "chrony"), "-n", []),
        (("-x", "-r", "-P", "10"), "-n -x", ["option: chronyd -r", "option: chronyd -P 10"]),
        (("-4",), "-n", ["ipv6.opens: chronyd -4, IPv4 alone → also IPv6"]),
    ],
)
def test_options_of_the_command_line(command: tuple[str, ...], arguments: str, lost: list[str]) -> None:
    assert in_words(losses([service(command=command)], wanted("", arguments=arguments))) == lost


def test_drop_ins() -> None:
    text = "# comment\n[Service]\nExecStart=\nExecStart=/usr/sbin/chronyd\nCPUSchedulingPolicy=fifo\n"
    (loss,) = losses([service(drop_in=text)], wanted(""))
    assert (loss.id, loss.was, loss.place) == (
        "unit",
        "CPUSchedulingPolicy=fifo",
        "/etc/systemd/system/chrony.service.d/a.conf:5",
    )


@pytest.mark.parametrize("folder", ["/etc/systemd/system/chronyd.service.d", "/etc/systemd/system/service.d"])
def test_drop_ins_that_apply_to_our_unit_are_not_lost(folder: str) -> None:
    drop_in = ConfigFile(path=f"{folder}/a.conf", text="Nice=-5\n")
    assert losses([replace(service(), overrides=(drop_in,))], wanted("")) == ()


def test_a_unit_file_of_its_own() -> None:
    own = replace(service(), unit="clock.service", own_unit="/etc/systemd/system/clock.service")
    (loss,) = losses([own], wanted(""))
    assert (loss.id, loss.place) == ("unit", "/etc/systemd/system/clock.service")


@pytest.mark.parametrize("program", [Program.CHRONY, Program.NTPD, Program.NTPSEC])
def test_a_daemon_without_a_configuration_that_was_found_is_named(program: Program) -> None:
    found = losses([ExistingService(program=program, command=("/opt/sbin/daemon",))], wanted("server a"))
    assert ("configuration", "/opt/sbin/daemon") in [(loss.id, loss.place) for loss in found]


def ntpd(conf: str, *command: str, keys: str = "") -> ExistingService:
    """Return a customised NTPsec that serves nobody."""
    return ExistingService(
        program=Program.NTPSEC,
        unit="ntpsec.service",
        command=("/usr/sbin/ntpd", *command),
        files=(ConfigFile(path="/etc/ntpsec/ntp.conf", text=f"restrict default ignore\n{conf}"),),
        key_files=(ConfigFile(path="/etc/ntpsec/ntp.keys", text=keys),),
    )


@pytest.mark.parametrize(
    ("command", "lost"),
    [
        (("-g", "-N", "-u", "ntpsec:ntpsec", "-p", "/run/ntpd.pid", "-c", "/etc/ntpsec/ntp.conf"), []),
        (("-gx",), ["command line: makestep 600 3 → makestep 1 3"]),
        (("--slew",), ["command line: makestep 600 3 → makestep 1 3"]),
        (("-4", "-I", "eth0"), ["command line: -4", "command line: -I eth0"]),
        (("--interface=eth0",), ["command line: -I eth0"]),
    ],
)
def test_options_of_ntpd(command: tuple[str, ...], lost: list[str]) -> None:
    found = losses([ntpd("server a", *command)], wanted("server a\nmakestep 1 3"))
    assert [f"{loss.place}: {loss}" for loss in found] == lost


def test_an_imported_ntpd_that_slews_is_no_loss() -> None:
    assert losses([ntpd("server a", "-x")], wanted("server a\nmakestep 600 3")) == ()


def test_keys_of_ntpd_have_other_names_and_only_trusted_ones_count() -> None:
    old = ntpd("trustedkey 12 13", keys="12 AES\n13 SHA-256\n14 MD5\n")
    assert losses([old], wanted("", key12="AES128", key13="SHA256")) == ()


def test_what_cannot_be_compared_is_named() -> None:
    other = ExistingService(program=Program.NTPD_RS, unit="ntpd-rs.service", unread=("/etc/large",))
    assert [(loss.id, loss.place) for loss in losses([other], wanted(""))] == [
        ("configuration", "/etc/large"),
        ("configuration", "ntpd-rs.service"),
    ]


def test_lines_of_ntpsec_are_compared_as_lines_of_chrony() -> None:
    conf = (
        "driftfile /drift\npool a iburst\nserver b key 12\nserver c\nstatistics loopstats\nrestrict default ignore\n"
        "trustedkey 12\n"
    )
    ntpsec = ExistingService(
        program=Program.NTPSEC,
        unit="ntpsec.service",
        files=(ConfigFile(path="/etc/ntpsec/ntp.conf", text=conf),),
        key_files=(ConfigFile(path="/etc/ntpsec/ntp.keys", text="12 AES\n13 MD5\n14 SHA1\n"),),
    )
    assert [(loss.id, str(loss)) for loss in losses([ntpsec], wanted("pool a iburst\nserver b", key13="MD5"))] == [
        ("key", "key 12 AES"),
        ("source.options", "server b key 12 → server b"),
        ("source", "server c"),
        ("directive", "statistics loopstats"),
    ]


def test_servers_of_timesyncd_are_compared_as_lines_of_chrony() -> None:
    file = ConfigFile(path="/etc/systemd/timesyncd.conf", text="[Time]\nNTP=a b\n")
    timesyncd = ExistingService(program=Program.TIMESYNCD, unit="systemd-timesyncd.service", files=(file,))
    assert [str(loss) for loss in losses([timesyncd], wanted("server a iburst\nmakestep 1 3"))] == ["server b iburst"]


def test_a_secret_in_the_wrong_file_is_not_shown() -> None:
    found = losses([service("12 AES128 HEX:0011\nserver a key HEX:0022\n")], wanted(""))
    assert found
    assert not any("00" in str(loss) for loss in found)


def test_a_distributions_default_is_not_compared() -> None:
    default = ExistingService(program=Program.NTPD_RS, unit="ntpd-rs.service", is_default=True)
    assert losses([default], wanted("server a")) == ()


def test_a_host_cannot_write_to_the_terminal() -> None:
    (loss,) = losses([service(f"server \x1b[2J{'a' * 300}")], wanted(""))
    assert loss.was.startswith("server \\x1b[2Jaaa")
    assert len(loss.was) == 200
