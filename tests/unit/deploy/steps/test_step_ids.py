"""The ids of the steps: each has a row in the document of the report."""

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from provision.deploy import steps
from provision.deploy.steps.packages import Purpose
from tests.helpers.booted_hosts import ROOT

COMPUTED = {
    "build-file-systems",
    "file-systems",
    "key-usage",
    "saved-measurements",
    "nts-renewal",
    "switch-script",
    *(f"{purpose}-packages" for purpose in Purpose),
}
"""Ids that an object of a step has, but not its class."""


def fixed_ids() -> Iterator[str]:
    """Yield the id of each class of a step that has a fixed one."""
    for info in iter_modules(steps.__path__):
        module = import_module(f"{steps.__name__}.{info.name}")
        for value in vars(module).values():
            id_ = getattr(value, "id", None)
            if isinstance(value, type) and isinstance(id_, str):
                yield id_


def test_the_document_lists_the_id_of_each_step() -> None:
    section = (ROOT / "docs/pipeline.md").read_text().split("### Steps\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    documented = [id_ for row in rows for id_ in re.findall(r"`([a-z-]+)`", row) if id_ != "id"]
    assert sorted(documented) == sorted(COMPUTED | set(fixed_ids()))
