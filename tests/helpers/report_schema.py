"""The JSON Schema of reports, and the rules that a schema cannot say."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.helpers.booted_hosts import ROOT

FILE = ROOT / "docs/report.schema.json"


@cache
def published() -> dict[str, Any]:
    """Return the published schema."""
    schema: dict[str, Any] = json.loads(FILE.read_text())
    return schema


def checked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a report after its comparison with the schema; what the schema does not list is an error, too."""
    Draft202012Validator(published()).validate(document)
    assert set(document) == set(published()["$defs"]["Document"]["properties"])
    for host in document["hosts"]:
        assert set(host) == set(published()["$defs"]["HostData"]["properties"])
        names = [(finding["id"], finding["subject"]) for finding in host["findings"]]
        assert len(names) == len(set(names)), names
    return document
