"""The tasks about releases of chrony and Nettle, which ask no host: ``fetch``, ``bundle`` and ``releases``.

Slow imports are inside the task that needs them.
"""
# ruff: noqa: PLC0415 -- see above

from provision.cli.option_task import option_task
from provision.cli.options import BundleOptions, Options, ReleasesOptions

RELEASES = ("chrony", "nettle", "sources")
"""The options that choose releases, and where their tarballs are."""


@option_task(Options, "site", *RELEASES)
def fetch(options: Options) -> None:
    """Fetch and verify the tarballs into the store of this machine."""
    from provision.build.fetch.fetch import fetch
    from provision.build.fetch.store import Store
    from provision.output.progress.lines import Lines
    from provision.site.settings import all_releases

    with Lines() as lines:
        for release in all_releases(options.run_options):
            tarball = fetch(release, store=Store.default(), sources=options.sources, say=lines.line)
            lines.say(f"{release}  {tarball.path}\n  from {tarball.origin}; signature: {tarball.signature}")


@option_task(BundleOptions, "file", "site", *RELEASES)
def bundle(options: BundleOptions) -> None:
    """Write the tarballs, signatures and artifacts of a site into one file, for deployments without network access."""
    from provision.build.artifact_store import Artifacts
    from provision.build.bundle import write
    from provision.build.fetch.store import Store
    from provision.output.progress.lines import Lines
    from provision.site.settings import all_releases

    releases = all_releases(options.run_options)
    with Lines() as lines:
        written = write(options.file, releases, Store.default(), Artifacts.default(), options.sources, lines.line)
        for line in written:
            lines.say(line)


@option_task(ReleasesOptions, "offline")
def releases(options: ReleasesOptions) -> None:
    """Show the pinned releases, the default ones, and the newest ones upstream."""
    from provision.build.fetch.newest import newest
    from provision.chrony.releases import DEFAULT_CHRONY, DEFAULT_NETTLE, pins

    for name, default in (("chrony", DEFAULT_CHRONY), ("nettle", DEFAULT_NETTLE)):
        versions = " ".join(f"{pin.version}{'*' if pin.version == default else ''}" for pin in pins(name))
        print(f"{name:<8}pinned: {versions}  (* default)")
        if options.offline:
            continue
        found = newest(name)
        print(f"        newest: {f'{found.version}, says {found.origin}' if found else 'unknown, no source answered'}")
