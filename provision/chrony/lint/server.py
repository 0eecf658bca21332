"""Rules about what a server of NTP, NTS and commands needs."""

from provision.chrony.lint.rule import Conf, Results, Rule, address_of
from provision.chrony.statement import Statement


def _nts_pair(conf: Conf) -> Results:
    certificates, keys = conf.named("ntsservercert"), conf.named("ntsserverkey")
    if len(certificates) != len(keys):
        yield (
            (certificates + keys)[0],
            f"chronyd does not start: {len(certificates)} ntsservercert and {len(keys)} ntsserverkey are no pairs",
        )
    elif certificates and not conf.named("ntsdumpdir"):
        yield (
            certificates[0],
            "without ntsdumpdir, all NTS clients need a new key exchange after each restart, at the same time",
        )


def _open_port_zero(conf: Conf) -> Results:
    port = conf.last("port")
    if port is not None and port.arguments[:1] == ("0",):
        for statement in conf.named("allow")[:1]:
            yield statement, "nobody is served: port 0 closes the NTP port"


def _limits_without_log(conf: Conf) -> Results:
    if conf.named("noclientlog"):
        for statement in conf.named("ratelimit", "ntsratelimit", "cmdratelimit"):
            yield statement, "chronyd does not start: it limits by the log that noclientlog turns off"


def _command_port_closed(conf: Conf) -> Results:
    opened = [statement for statement in conf.named("bindcmdaddress") if not address_of(statement).startswith("/")]
    statement = conf.last("cmdallow")
    if statement is not None and not opened and not all(map(_is_loopback, conf.named("cmdallow"))):
        yield statement, "no other host can send commands: chronyd listens on loopback without bindcmdaddress"


def _is_loopback(statement: Statement) -> bool:
    return statement.arguments[:1] in {("127.0.0.1",), ("::1",), ("127/8",), ("127.0.0.0/8",), ("localhost",)}


NTS_SERVER = (
    Rule("nts.server-files", "conf.c: Uneven number of NTS certs and keys; nts_ke_server.c: No ntsdumpdir", _nts_pair),
)
"""The rules of this module, in the order of docs/lint.md."""

SERVER = (
    Rule("serve.port-closed", "chrony.conf(5), port", _open_port_zero),
    Rule("serve.limit-without-log", "clientlog.c: cannot be enabled with noclientlog", _limits_without_log),
    Rule("commands.port-closed", "chrony.conf(5), bindcmdaddress", _command_port_closed),
)
"""The rules of this module, in the order of docs/lint.md."""
