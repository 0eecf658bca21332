"""Rotate a key over the hosts of a site: deploy, retire the old key, and deploy again."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

from provision.cli.command import Command
from provision.cli.confirm import confirmed
from provision.cli.key_options import RotateOptions
from provision.cli.key_usage import CountedTooShort, check_counting, check_site_counts, unused_keys
from provision.common.errors import NotRecorded, SiteError
from provision.common.text import shown
from provision.deploy.deploy import deploy
from provision.deploy.secrets import Secrets
from provision.fleet.rotation import (
    AGAIN,
    Rotation,
    RotationEnded,
    begin,
    check_hosts,
    choose_old,
    finish,
    known_label,
    next_id,
    not_yet_rotated,
    refuse_named,
    retire_old,
    set_stage,
    under_way,
)
from provision.fleet.rotation_preview import Preview, lines
from provision.host.target import Target
from provision.keys import Keys
from provision.keys.source import KeySource
from provision.output.report import Verdict, exit_status
from provision.site.inventory import Inventory
from provision.site.key_source import source_of
from provision.site.key_users import users


@dataclass(frozen=True, slots=True)
class Rotating:
    """The rotation of a key: the hosts, the key source, and the options and secrets of the deployments."""

    inventory: Inventory
    source: KeySource
    options: RotateOptions
    secrets: Secrets

    def run(self, *, today: date) -> int:
        """Show what will be done, ask, and begin a rotation or continue the recorded one; return the exit status.

        Raises ProvisionError.
        """
        if not self.inventory.members:
            raise SiteError(f"{self.inventory.file} has no hosts, and a rotation is about those of a site")
        self.source.refuse_unwritable()
        read = self.secrets.keys.read(self.source)
        if read is None:
            raise SiteError(f"{self.source.name}: no keys yet; the first deployment makes one")
        text, keys = read
        rotation = under_way(self.secrets.keys.state(self.source), keys, self.source.name)
        is_begun = rotation is not None
        rotation = rotation or self._planned(keys, today)
        if is_begun:
            self._check_begun(rotation)
        removes_if_unused = rotation.has_old and self.options.unused_for is not None
        if removes_if_unused:
            check_site_counts(self.inventory, self.source)
        label = known_label(text, rotation.old)
        print("\n".join(lines(self._preview(keys, rotation, label, is_begun=is_begun, today=today))), flush=True)
        if self.options.preview:
            return 0
        if not confirmed("keys.rotate", yes=self.options.yes):
            print("nothing was changed", flush=True)
            return Verdict.NOT_TRIED.value
        if removes_if_unused:
            check_counting(self.options, self.secrets, self.inventory, self.source)
        if not is_begun:
            type_ = self.options.type or None
            rotation = begin(self.secrets.keys, self.source, rotation.old, rotation.new, type_=type_, today=today)
        elif rotation.stage == "adding":
            set_stage(self.secrets.keys, self.source, rotation, "replacing")
        print(f"{rotation}, in {self.source.name}", flush=True)
        return self._replace(rotation, today) if rotation.has_old else self._forget(rotation)

    def _check_begun(self, begun: Rotation) -> None:
        """Raise SiteError if the rotation that has begun cannot be continued with these options and this site file."""
        under_way_too = f"{begun}, and that is under way; finish it first"
        if self.options.id not in {None, begun.old}:
            raise SiteError(f"--id {self.options.id}: {under_way_too}, without --id")
        if self.options.type:
            raise SiteError(f"--type {self.options.type}: {under_way_too}, without --type")
        if begun.has_old:
            # The site file may have been edited since the rotation began.
            refuse_named(self._named(), begun.old)

    def _planned(self, keys: Keys, today: date) -> Rotation:
        """Return the rotation that would begin now. Raises SiteError if it could not be completed."""
        using = users(self.inventory, self.source, self.secrets.keys)
        old = choose_old(using, self._named(), self.options.id)
        check_hosts(self.inventory, self.source, using[old])
        if old not in keys.ids:
            raise SiteError(f"{self.source.name}: there is no key {old}")
        return Rotation(new=next_id(keys, self.source.name), old=old, begun=today, stage="adding", has_old=True)

    def _preview(self, keys: Keys, rotation: Rotation, label: str, *, is_begun: bool, today: date) -> Preview:
        known = {key.id: str(key) for key in keys}
        if rotation.old in known and not rotation.has_old:
            # Another key has its id by now.
            known[rotation.old] = f"the former key {rotation.old}"
            label = ""
        types = {key.id: key.type for key in keys}
        using = users(self.inventory, self.source, self.secrets.keys)
        clients = dict.fromkeys((*using.get(rotation.old, ()), *using.get(rotation.new, ())))
        servers = [one for one in self.inventory.members if one.site.serve.role == "server"]
        until: date | None = rotation.stays_until(self.options.overlap)
        if until is not None and until <= today:
            until = None
        return Preview(
            file=self.source.name,
            real_file=os.path.realpath(self.source.name),
            new=known.get(rotation.new, f"key {rotation.new} ({self.options.type or types.get(rotation.old)})"),
            old=known.get(rotation.old, f"key {rotation.old}"),
            label=label,
            servers=[one.name for one in servers if source_of(one.site) == self.source],
            clients=[str(target) for target in clients],
            is_begun=is_begun,
            has_old=rotation.has_old,
            removed_by_hand=not rotation.has_old and rotation.stage != "removing",
            until=until,
            overlap=self.options.overlap,
            unused_for=self.options.unused_for,
        )

    def _replace(self, rotation: Rotation, today: date) -> int:
        """Deploy the new key to all hosts; then remove the old key from the key file, if its overlap is over."""
        status = self._deploy(rotation)
        if status != 0:
            return status
        if today < (until := rotation.stays_until(self.options.overlap)):
            print(f"hosts use key {rotation.new}; key {rotation.old} stays until {until}: then {AGAIN}", flush=True)
            return 0
        if why := self._still_used(rotation):
            print(f"hosts use key {rotation.new}; key {rotation.old} stays: {why}; {AGAIN} later", flush=True)
            return 0
        with _after_deployment(rotation):
            retire_old(self.secrets.keys, self.source, rotation)
        print(f"hosts use key {rotation.new}; key {rotation.old} was taken out of {self.source.name}", flush=True)
        return self._forget(rotation)

    def _still_used(self, rotation: Rotation) -> str:
        """Return in words why the old key is not known to be unused for ``--unused-for``; empty if it is."""
        if self.options.unused_for is None:
            return ""
        with _after_deployment(rotation):
            try:
                found = unused_keys(self.options, self.secrets, self.inventory, self.source, [rotation.old])
            except CountedTooShort as error:
                return str(error)
        return shown("; ".join(found.stay))

    def _forget(self, rotation: Rotation) -> int:
        """Remove the old key from all hosts."""
        status = self._deploy(rotation)
        if status == 0:
            with _after_deployment(rotation):
                finish(self.secrets.keys, self.source, rotation)
            print(f"key {rotation.old} is gone from all hosts; hosts ask with key {rotation.new}", flush=True)
        return status

    def _deploy(self, rotation: Rotation) -> int:
        """Deploy all hosts; return 0 only if every client was answered with the new key."""
        # --host selects the key; all hosts of the site need it.
        everywhere = replace(self.options, host=())
        reports = Command(task="keys.rotate", operation=deploy, rolling=True).run(everywhere, self.secrets)
        status = exit_status(reports)
        waiting = not_yet_rotated(reports, self._users(rotation.new), rotation) if status == 0 else []
        if waiting:
            print(f"not answered with key {rotation.new} yet: {', '.join(map(str, waiting))}", flush=True)
        if status != 0 or waiting:
            print(f"{rotation}: not done; {AGAIN}", flush=True)
        return status or int(bool(waiting))

    def _users(self, id_: int) -> Mapping[Target, Keys]:
        """Return the hosts that use a key, each with all its keys."""
        reader = self.secrets.keys
        using = users(self.inventory, self.source, reader).get(id_, ())
        sources = {member.target: source_of(member.site) for member in self.inventory.members}
        return {target: reader.keys(sources[target]) or Keys(()) for target in using}

    def _named(self) -> Mapping[Target, frozenset[int]]:
        """Return the keys that the site names explicitly, by host."""
        return {
            member.target: member.site.named_keys | ({member.site.keys.use} if member.site.keys.use else set())
            for member in self.inventory.members
            if source_of(member.site) == self.source
        }


@contextmanager
def _after_deployment(rotation: Rotation) -> Iterator[None]:
    """Convert the error of a key file that cannot be changed: the hosts were deployed by then. Raises NotRecorded."""
    try:
        yield
    except RotationEnded as error:
        raise NotRecorded(f"{rotation}: deployed to the hosts, and {error}; inv keys lists the keys") from error
    except SiteError as error:
        raise NotRecorded(f"{rotation}: deployed to the hosts, and {error}; {AGAIN}") from error
