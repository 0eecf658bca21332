"""Describe the hosts of a site without contact to them: the tasks ``site`` and ``access``."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from provision.chrony.lint import lint
from provision.chrony.lint.rule import Advice
from provision.chrony.statement import statements
from provision.cli import streams
from provision.cli.first_keys import refuse_unattended
from provision.cli.options import AccessOptions, Options, SiteOptions
from provision.common.errors import SiteError, os_error_text
from provision.common.files.write import write_whole
from provision.common.text import in_json, shown
from provision.deploy.offline import Answer, assumptions, conf_of, may_ask
from provision.host.session import known_address
from provision.host.target import Kind, Target, parse_target
from provision.keys.reader import KeyReader
from provision.site.inventory import read_inventory
from provision.site.overview import lines_of, title
from provision.site.settings import Settings, settings_of_any_host, settings_of_hosts
from provision.site.upstreams import in_order

ANY_HOST = "any host"
"""Stands for the hosts of a site that lists none."""
STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHost:
    """One host of a site, or any host of a site that lists none."""

    name: str
    target: Target
    settings: Settings
    overview: tuple[str, ...]
    """The lines about its settings."""

    @property
    def conf(self) -> str:
        """Return its chrony.conf."""
        return conf_of(self.settings.site, self.settings.chrony.version)

    @property
    def conf_lines(self) -> Iterator[str]:
        """Yield the lines that show its chrony.conf, and the assumptions about the host."""
        for assumption in assumptions(self.settings.site, is_sandbox=self.target.kind is Kind.SANDBOX):
            yield f"  assumed: {assumption}"
        yield "  chrony.conf:"
        for line in self.conf.splitlines():
            yield f"    {line}".rstrip()

    @property
    def advice(self) -> tuple[Advice, ...]:
        """Return the results of the lint for its chrony.conf."""
        return tuple(lint(tuple(statements(self.conf))))

    @property
    def lint_lines(self) -> Iterator[str]:
        """Yield a line for each result of the lint, or one that says that there is none."""
        for advice in self.advice:
            yield f"  lint: {advice.statement.text}: {advice.text} [{advice.rule}; {advice.source}]"
        if not self.advice:
            yield "  lint: no findings"


def site_hosts(options: Options, keys: KeyReader) -> list[SiteHost]:
    """Return the chosen hosts, after each check of ``plan`` that needs no host. Raises SiteError."""
    inventory = read_inventory(options.site_file)
    if inventory.members:
        members = in_order(inventory, inventory.choose(options.host))
        resolved = settings_of_hosts(options.host, options.run_options, keys, address_of=known_address)
        return [
            SiteHost(
                name=member.name,
                target=target,
                settings=settings,
                overview=tuple(lines_of(title(member), member.levels, settings.site)),
            )
            for member, (target, settings) in zip(members, resolved, strict=True)
        ]
    settings = settings_of_any_host(options.run_options, keys)
    role = settings.site.serve.role
    return [
        SiteHost(
            name=name,
            target=parse_target(name if name in options.host else "local"),
            settings=settings,
            overview=tuple(lines_of(f"{name}: {role}", inventory.levels, settings.site)),
        )
        for name in dict.fromkeys(options.host) or (ANY_HOST,)
    ]


def show_site(options: SiteOptions, keys: KeyReader) -> int:
    """Print the settings of the chosen hosts, and return the exit status.

    Raises SiteError for the faults with which a plan ends without contact to a host.
    """
    hosts = site_hosts(options, keys)
    paragraphs = []
    for host in hosts:
        lines = list(host.overview)
        if options.conf:
            lines += host.conf_lines
        if options.lint:
            lines += host.lint_lines
        paragraphs.append("\n".join(lines))
    print("\n\n".join(paragraphs))
    # An output that nobody got comes before a refusal.
    streams.check()
    refuse_unattended((host.target, host.settings) for host in hosts)
    if options.lint and any(host.advice for host in hosts):
        return 1
    return 0


def show_access(options: AccessOptions, keys: KeyReader) -> int:
    """Print whether each address may ask the chosen hosts, and return the exit status."""
    hosts = site_hosts(options, keys)
    answers = {host.name: tuple(may_ask(host.conf, options.addresses)) for host in hosts}
    all_may = all(answer.allowed for of_host in answers.values() for answer in of_host)
    status = 0 if all_may else 1
    if options.json is not None:
        _write(options.json, _document(answers, status))
    if options.json != STANDARD_OUTPUT:
        print(shown("\n".join(_text(answers))), flush=True)
    return status


def _text(answers: Mapping[str, tuple[Answer, ...]]) -> Iterator[str]:
    """Yield one line for each address; of several hosts, each has a line of its own above."""
    for name, of_host in answers.items():
        if len(answers) == 1:
            yield from map(str, of_host)
            continue
        yield name
        for answer in of_host:
            yield f"  {answer}"


def _document(answers: Mapping[str, Sequence[Answer]], status: int) -> str:
    hosts = [{"host": name, "addresses": [asdict(answer) for answer in of_host]} for name, of_host in answers.items()]
    return json.dumps({"version": 1, "exit_status": status, "hosts": hosts}, indent=2, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    """Write a document to a file or to standard output. Raises SiteError."""
    if path == STANDARD_OUTPUT:
        print(in_json(text), flush=True)
        return
    data = f"{in_json(text)}\n".encode()
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            write_whole(path, data)
    except OSError as error:
        raise SiteError(f"--json {path}: cannot be written: {os_error_text(error)}") from error
