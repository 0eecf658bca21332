"""What is refused before a virtual machine is made, and what the scripts get; the rest boots one: tests/integration."""

import errno
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from provision.common.errors import SandboxError
from provision.host.sandbox import sandbox, vm
from provision.host.sandbox.room import Room
from tests.unit.host.sandbox.test_sandbox import cache, keep

__all__ = ["cache"]


def test_what_is_missing_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "missing_packages", lambda _: ["qemu-system-x86", "cpio"])
    with pytest.raises(SandboxError) as refused:
        vm.check("web", "bookworm")
    assert str(refused.value) == (
        "sandbox web: a virtual machine needs qemu-system-x86, cpio; as root: "
        "apt-get install --no-install-recommends qemu-system-x86 cpio"
    )


def test_another_processor_needs_its_emulators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm, "missing_packages", lambda tools: list(tools.values()))
    with pytest.raises(SandboxError) as refused:
        vm.check("pi", "bookworm-arm64")
    assert str(refused.value).endswith(
        "apt-get install --no-install-recommends "
        "qemu-utils e2fsprogs cpio xz-utils qemu-system-arm qemu-user-static mmdebstrap"
    )


def test_a_suite_without_virtual_machines_is_refused() -> None:
    with pytest.raises(SandboxError) as refused:
        vm.check("web", "trixie")
    assert str(refused.value) == (
        "sandbox web: there is no virtual machine of Debian trixie; "
        "choose one of bookworm, bookworm-arm64, trixie-armhf"
    )


@pytest.mark.parametrize(
    ("ahead", "choice"),
    [
        pytest.param(
            None,
            "bullseye, bookworm, trixie, forky, testing, sid, bookworm-i386; "
            "with --vm, one of bookworm, bookworm-arm64, trixie-armhf",
            id="a sandbox",
        ),
        pytest.param(timedelta(), "bookworm, bookworm-arm64, trixie-armhf", id="a virtual machine"),
    ],
)
@pytest.mark.usefixtures("cache")
def test_an_unknown_suite_is_refused_with_those_that_can_be_booted(ahead: timedelta | None, choice: str) -> None:
    with pytest.raises(SandboxError) as refused:
        sandbox.up("web", "buster", ahead=ahead, say=pytest.fail)
    assert str(refused.value) == f"sandbox web: there is no suite 'buster' here; choose one of {choice}"


def test_a_suite_that_this_processor_cannot_run_needs_a_virtual_machine(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "check_rights", lambda: None)
    with pytest.raises(SandboxError) as refused:
        sandbox.up("pi", "bookworm-arm64", say=pytest.fail)
    assert str(refused.value) == "sandbox pi: Debian bookworm-arm64 needs a processor that is emulated: say --vm"
    assert not (cache / "sandboxes/pi").exists()


def test_only_old_images_of_the_same_suite_are_removed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, others = cache / "vms/bookworm-0123456789ab", cache / "vms/bookworm-arm64-0123456789ab"
    for folder in (old, others):
        folder.mkdir(parents=True)
    monkeypatch.setattr(vm, "base_image", lambda suite, _, user_qemu: Path(f"/bases/{suite}{user_qemu}"))
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr(vm, "script", lambda *words: made.append(words))
    image = vm.image("bookworm", lambda _: None, others_in_use=False)
    assert (old.exists(), others.exists()) == (False, True)
    assert made == [(vm.IMAGE_SCRIPT, "/bases/bookworm", str(image), "linux-image-cloud-amd64", "ttyS0", "")]


@pytest.mark.parametrize("word", ["kernel", "console", "user_qemu"])
def test_another_word_of_the_processor_makes_another_image(
    word: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(*words: str) -> None:
        Path(words[2]).mkdir()

    monkeypatch.setattr(vm, "base_image", lambda *_, **__: Path("/bases/bookworm"))
    monkeypatch.setattr(vm, "script", make)
    first = vm.image("bookworm", lambda _: None, others_in_use=False)
    assert vm.image("bookworm", pytest.fail, others_in_use=False) == first
    changed: dict[str, Any] = {word: "another"}
    monkeypatch.setattr(vm, "PROCESSORS", {"bookworm": replace(vm.AMD64, **changed)})
    second = vm.image("bookworm", lambda _: None, others_in_use=False)
    assert list((cache / "vms").iterdir()) == [second]
    assert second != first


def test_an_old_image_that_cannot_be_removed_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = cache / "vms/bookworm-0123456789ab"
    old.mkdir(parents=True)

    def refuse(path: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(path))

    monkeypatch.setattr(vm, "base_image", lambda *_, **__: Path("/bases/bookworm"))
    monkeypatch.setattr(vm, "rmtree", refuse)
    with pytest.raises(SandboxError) as refused:
        vm.image("bookworm", lambda _: None, others_in_use=False)
    assert str(refused.value) == f"{old}: Device or resource busy"


@pytest.mark.parametrize("machine", ["aarch64", "i686"])
def test_a_control_machine_of_another_processor_is_refused(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(SandboxError) as refused:
        vm.check("web", "bookworm")
    assert str(refused.value) == (
        f"sandbox web: virtual machines need a control machine with an x86_64 processor, and this one is {machine}"
    )


def test_a_sandbox_that_is_there_does_not_become_a_virtual_machine(cache: Path) -> None:
    keep(cache, "web")
    with pytest.raises(
        SandboxError, match=r"^sandbox web is no virtual machine: take it down, or choose another name$"
    ):
        sandbox.up("web", ahead=timedelta(), say=pytest.fail)


def test_the_clock_of_a_running_one_is_not_changed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = keep(cache, "web")
    state = home / "state.json"
    state.write_text(state.read_text().replace("}", ', "vm": true}'))
    monkeypatch.setattr(sandbox, "pid_of", lambda _: 1)
    with pytest.raises(SandboxError, match=r"^sandbox web runs: set its clock with date --set, or shut it down first$"):
        sandbox.up("web", ahead=timedelta(days=1), say=pytest.fail)


def test_the_disk_of_another_image_is_not_booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    booted: list[tuple[str, ...]] = []
    monkeypatch.setattr(vm, "script", lambda *words: booted.append(words))
    room = Room(folder=tmp_path, netns="cpsb-web", address="198.19.0.3")
    vm.boot("web", "bookworm-arm64", room, tmp_path / "vms/first", ahead=timedelta())
    vm.boot("web", "bookworm-arm64", room, tmp_path / "vms/first", ahead=timedelta())
    assert len(booted) == 2
    assert booted[0][-10:-7] == ("ttyAMA0", "qemu-system-aarch64", "-machine")
    with pytest.raises(
        SandboxError, match=r"made from an image that is not used any more; remove it with inv sandbox.down --name web"
    ):
        vm.boot("web", "bookworm-arm64", room, tmp_path / "vms/second", ahead=timedelta())
    assert len(booted) == 2
