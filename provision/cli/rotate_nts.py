"""Rotate the keys of the cookies that servers with NTS share: deploy, change the keys, and deploy again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from provision.cli.command import Command
from provision.cli.confirm import confirmed
from provision.cli.key_options import RotateNtsOptions
from provision.common.errors import NotRecorded, SiteError
from provision.common.text import shown
from provision.deploy.deploy import deploy
from provision.deploy.secrets import Secrets
from provision.fleet.rotation import AGAIN
from provision.fleet.rotation_preview import names
from provision.keys.nts_keys import ServerKeys, make_server_keys, parse_server_keys
from provision.keys.source import KeyFile
from provision.output.report import Report, Verdict, exit_status
from provision.verify.checks.nts_requests import SHARED


@dataclass(frozen=True, slots=True)
class RotatingNts:
    """The rotation of the keys in a file: its servers, and the options and secrets of the deployments."""

    file: KeyFile
    servers: Sequence[str]
    options: RotateNtsOptions
    secrets: Secrets

    def run(self, *, today: date) -> int:
        """Show what will be done, ask, and begin a rotation or continue the one that the file records.

        Returns the exit status. Raises ProvisionError.
        """
        self.file.refuse_unwritable()
        keys = self._read()
        print("\n".join(lines(self.file.name, names(self.servers), keys)), flush=True)
        if self.options.preview:
            return 0
        if not confirmed("keys.rotate-nts", yes=self.options.yes):
            print("nothing was changed", flush=True)
            return Verdict.NOT_TRIED.value
        if keys is None:
            keys = make_server_keys(today)
            self._write(None, keys)
        elif keys.begun is None:
            # A server that lacks these keys would refuse the cookies of one that has the next ones.
            if (status := self._deploy()) != 0:
                print(f"the rotation was not begun; {AGAIN}", flush=True)
                return status
            keys, before = keys.rotated(today), keys
            self._write(before, keys)
        if (status := self._deploy()) != 0:
            print(f"{self.file.name}: the rotation is not done; {AGAIN}", flush=True)
            return status
        return self._finish(keys)

    def _read(self) -> ServerKeys | None:
        text = self.file.text()
        return None if text is None else parse_server_keys(text, self.file.name)

    def _write(self, before: ServerKeys | None, after: ServerKeys) -> None:
        """Replace the keys in the file. Raises SiteError if they are others than ``before`` by now."""

        def edit(text: str | None) -> str:
            there = None if text is None else parse_server_keys(text, self.file.name)
            if there != before:
                raise SiteError(f"{self.file.name}: was changed meanwhile by another run or by hand; {AGAIN}")
            return after.own_text(text or "")

        self.file.change(edit)

    def _deploy(self) -> int:
        """Deploy the servers; return 0 only if each was seen to use the keys of the file."""
        # --host selects the file; all of its servers have to get the keys.
        everywhere = replace(self.options, host=tuple(self.servers))
        reports = Command(task="keys.rotate-nts", operation=deploy, rolling=True).run(everywhere, self.secrets)
        status = exit_status(reports)
        if status != 0:
            return status
        waiting = [str(report.host) for report in reports if not _is_proven(report)]
        if waiting:
            print(shown(f"not seen to use the keys, from this machine: {', '.join(waiting)}"), flush=True)
        return int(bool(waiting))

    def _finish(self, keys: ServerKeys) -> int:
        """Record that all servers have the keys. Raises NotRecorded."""
        try:
            self._write(keys, replace(keys, begun=None))
        except SiteError as error:
            raise NotRecorded(f"the servers have the keys, and {error}") from error
        print(f"{names(self.servers)} make cookies with key {keys.current.name}", flush=True)
        return 0


def _is_proven(report: Report) -> bool:
    return any(finding.id == SHARED.id and finding.holds for finding in report.findings)


def lines(file: str, servers: str, keys: ServerKeys | None) -> Iterator[str]:
    """Yield a heading, the steps that remain, and whom they affect."""
    yield f"{file}: the keys with which {servers} encrypt the cookies of NTS"
    if keys is None:
        yield "  1  make the file, with four keys"
        yield f"  2  deploy {servers}: cookies that they made with keys of their own are refused from then on"
        return
    oldest, _, current, following = keys.keys
    if keys.begun is not None:
        yield f"  deploy {servers}: they make cookies with key {current.name}; the file has it since {keys.begun}"
        return
    yield f"  1  deploy {servers}: each has the present keys"
    yield (
        f"  2  in the file: key {following.name}, the next one, becomes the current one in place of key "
        f"{current.name}; a new one is the next; key {oldest.name} is removed"
    )
    yield f"  3  deploy {servers}: they make cookies with key {following.name}, and accept those of the keys before it"
    yield f"clients whose cookies are of key {oldest.name}, from before the last two rotations, make a key exchange"
