"""What a command line asks of hosts: read and checked, told on each of them, and reported."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from provision.errors import SiteError
from provision.failed import Failed
from provision.fleet import fleet
from provision.progress.lines import Lines
from provision.report import Report, fleet_text, write_json
from provision.run import Story
from provision.session import address_of
from provision.wish import Options, all_releases, make_wishes


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A task, and what it needs to know."""

    task: str
    story: Story
    configures: bool = True
    """It needs to know whom a host follows."""
    rolling: bool = False
    """It may change what serves time."""

    def run(self, given: Mapping[str, Any]) -> list[Report]:
        """Tell the story on each host; ``given`` are the options, by their names. Raises SiteError."""
        options = Options(**{field.name: given[field.name] for field in fields(Options) if field.name in given})
        many, json = fleet(given["parallel"], given["max_failures"], given["scheduler"]), given["json"]
        failed = Failed.of(self.task, options.file)
        with Lines() as lines:
            wishes = make_wishes(
                given["host"],
                options,
                limit=given["limit"],
                exclude=given["exclude"],
                address_of=(lambda target: address_of(target, lines.say)) if self.configures else None,
            )
        if options.bundle:
            unpack_bundle(options)
        if given["retry"]:
            wishes = failed.among(wishes)
        if json:
            # Before the first host: a report that cannot be written is bad input.
            write_json(json, [])
        if not wishes:
            raise SiteError("no host; say --host NAME, --host local or --host sandbox")

        def keep(reports: list[Report]) -> None:
            if json:
                write_json(json, reports)
            failed.note(reports)

        reports = many.tell(self.story, wishes, rolling=self.rolling, keep=keep)
        if len(reports) > 1:
            print(fleet_text(reports), flush=True)
        return reports


def unpack_bundle(options: Options) -> None:
    """Put what a bundle has for a site into the stores of this machine. Raises FetchError, StoreError."""
    # Imported when asked: a run without a bundle does not pay for it.
    from provision.artifacts import Artifacts  # noqa: PLC0415
    from provision.bundle import Bundle  # noqa: PLC0415
    from provision.fetch import Store  # noqa: PLC0415

    bundle = Bundle.read(Path(options.bundle))
    print(f"{bundle.path}: sha256 {bundle.sha256}", flush=True)
    bundle.unpack(all_releases(options), Store.default(), Artifacts.default())
