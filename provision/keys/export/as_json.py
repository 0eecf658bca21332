"""Export keys and servers as JSON, for programs."""

import json

from provision.keys import Keys
from provision.keys.export.format import Format, Servers


def _keys(keys: Keys, servers: Servers) -> str:
    entries = [{"id": key.id, "type": key.type, "key": key.secret.hex().upper()} for key in keys]
    return json.dumps({"servers": list(servers), "keys": entries}, indent=1) + "\n"


JSON = Format(keys=_keys, suffix=".json")
