"""A scheduler of pytest-xdist for tests that share booted hosts."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.helpers.schedule import shared


class ByHosts(LoadFileScheduling):  # type: ignore[misc]  # xdist publishes no types
    """One process for each file, or for each folder of files that share booted hosts; in the order of collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        # Not by the number of tests: a file with one that boots hosts may take longer than one with a hundred.
        self.config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return shared(nodeid)
