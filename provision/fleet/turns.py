"""Say how many servers a rollout switches at a time. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from provision.host.target import Target
from provision.output.report import Report
from provision.site.settings import Settings


def turns_of_servers(host_settings: Iterable[tuple[Target, Settings]], reports: Sequence[Report]) -> str:
    """Return a sentence about the servers that would change; empty if no group has several of them."""
    changing = {report.host for report in reports if report.pending}
    servers = [
        settings for target, settings in host_settings if target in changing and settings.site.serve.role == "server"
    ]
    groups = Counter(settings.group for settings in servers)
    if all(count == 1 for count in groups.values()):
        return ""
    whose = "Servers"
    if len(groups) > 1:
        whose = "Servers of a group"
    limits = {settings.site.rollout.max_unavailable for settings in servers}
    if len(limits) > 1:
        return f"{whose} switch in turns."
    (limit,) = limits
    number = "one"
    if limit > 1:
        number = str(limit)
    return f"{whose} switch {number} at a time."
