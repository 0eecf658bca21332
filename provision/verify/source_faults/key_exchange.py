"""Name the fault of a key exchange for NTS, from the lines of chronyd's log."""

import re
from collections.abc import Sequence

from provision.output.status import Layer, SourceFault

NTS_PORT = "is TCP port 4460 open there and on the path, and does a server with NTS listen?"

DATES = (
    "is the host's clock wrong? Set it (date --set), or let a deployment do that (time.bootstrap = true in the site); "
    "with 'nocerttimecheck 1' in time.extra, NTS accepts any dates until the clock was set, also after a boot"
)

NO_LINE = SourceFault(
    layer=Layer.NTS_CONNECTION,
    seen="chronyd has no keys by NTS-KE, and its log does not say why",
    advice=f"{NTS_PORT} chronyd tries again later, with longer pauses",
)

KEY_EXCHANGE = (
    (
        "does not match the expected",
        Layer.NTS_NAME,
        "name the server in the site as its certificate does, or give it a certificate for this name",
    ),
    ("not yet valid certificate", Layer.NTS_EARLY, DATES),
    ("expired certificate", Layer.NTS_EXPIRED, f"renew the certificate there and restart its chronyd, or: {DATES}"),
    (
        "NOT trusted",
        Layer.NTS_UNTRUSTED,
        "the host has to trust the authority that signed the certificate: ntstrustedcerts in time.extra",
    ),
    ("TLS handshake", Layer.NTS_TLS, "does chronyd there have the key of its certificate? See its log"),
    ("TLS session", Layer.NTS_TLS, "the host's own part of TLS fails: see chronyd's log and its trusted certificates"),
    ("Could not connect", Layer.NTS_CONNECTION, NTS_PORT),
    ("timed out", Layer.NTS_CONNECTION, NTS_PORT),
    ("NTS-KE", Layer.NTS_RESPONSE, "is it a server with NTS, and does it admit this host (allow)?"),
)
"""Words of chronyd's log about NTS-KE → layer and advice; the first that is found counts. GnuTLS makes some of them."""


def key_exchange_fault(name: str, address: str, log: Sequence[str]) -> SourceFault:
    """Return why there are no keys for NTS. Labels in the log are as in ``198.51.100.7:4460 (ntp.example)``."""
    label = re.compile(rf"(?:^|[\s[(])(?:{re.escape(address)}|{re.escape(name)})(?:[\s\]):]|$)")
    for line in reversed(log):
        if label.search(line) is None:
            continue
        for words, layer, advice in KEY_EXCHANGE:
            if words in line:
                return SourceFault(layer=layer, seen=f"chronyd said: {line.strip().rstrip('.')}", advice=advice)
    return NO_LINE
