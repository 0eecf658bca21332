"""A file of root's: how it is looked at and written, by sh in a folder of the test."""

from pathlib import Path

import pytest

from provision.common.errors import CommandFailed
from provision.deploy.steps import Step
from provision.deploy.steps.file import File
from tests.helpers.claimed_workspace import claimed
from tests.helpers.step_samples import (
    FILE,
    ask,
    digest,
    needs_root,
)


@needs_root
def test_a_symlink_to_the_same_content_is_not_the_deployed_file(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("one\n")
    (tmp_path / "target").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    step = File(str(tmp_path / "link"), "one\n", id="file")
    assert step.drift(ask(step.look())) == "a symlink is in its place"


@needs_root
def test_a_file_is_looked_at_and_written(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("not ours\n")
    place = tmp_path / "it's ours"
    step = File(str(place), "one\ntwo", mode="0640", id="file")
    for there in ("missing", "symlink", "other"):
        place.unlink(missing_ok=True)
        if there == "symlink":
            place.symlink_to(target)
        elif there == "other":
            place.write_text("three\n")
        assert step.drift(ask(step.look())) is not None
        with claimed(tmp_path / "opt") as host:
            step.apply(host)
        assert step.drift(ask(step.look())) is None
        assert place.read_text() == "one\ntwo"
        assert not place.is_symlink()
    assert target.read_text() == "not ours\n"


def test_a_folder_in_a_files_place_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="query failed"):
        ask(File(str(tmp_path), "x", id="file").look())


DRIFTS = [
    pytest.param(FILE, f"0755 root:root\n{digest(FILE.content)}  -\n#!/bin/sh", None, id="file as wanted"),
    pytest.param(FILE, "missing", "missing", id="file missing"),
    pytest.param(FILE, "symlink", "a symlink is in its place", id="file is a symlink"),
    pytest.param(FILE, f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash", "content differs", id="content"),
    pytest.param(
        FILE,
        f"0644 root:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0644 root:root, not 0755 root:root",
        id="file mode",
    ),
    pytest.param(
        FILE,
        f"0755 chrony:root\n{digest(FILE.content)}  -\n#!/bin/sh",
        "mode and owner are 0755 chrony:root, not 0755 root:root",
        id="file owner",
    ),
]


@pytest.mark.parametrize(("step", "seen", "words"), DRIFTS)
def test_drift(step: Step, seen: str, words: str | None) -> None:
    assert step.drift(seen) == words


FILE_DIFFS = [
    pytest.param(
        "missing", "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -0,0 +1 @@\n+#!/bin/sh", id="new"
    ),
    pytest.param(
        f"0755 root:root\n{digest('#!/bin/bash')}  -\n#!/bin/bash",
        "--- /opt/chrony/switch\n+++ /opt/chrony/switch (new)\n@@ -1 +1 @@\n-#!/bin/bash\n+#!/bin/sh",
        id="other",
    ),
    pytest.param(f"0644 root:root\n{digest('#!/bin/sh')}  -\n#!/bin/sh", "", id="only its mode"),
]


@pytest.mark.parametrize(("seen", "diff"), FILE_DIFFS)
def test_the_diff_of_a_file(seen: str, diff: str) -> None:
    assert FILE.diff(seen) == diff
