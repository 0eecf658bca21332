"""Find settings of a site that are permitted but rarely intended, by the rules of the lint."""

from collections.abc import Iterator

from provision.chrony.lint import lint
from provision.chrony.statement import statements
from provision.site.directive import lines
from provision.site.schema import Site

NOTED = frozenset(("source.single", "auth.never-selected", "leap.smear-mixed"))
"""The rules whose results are notes of each plan and deployment; ``inv site --lint`` shows those of all rules."""


def warnings(site: Site) -> Iterator[str]:
    """Yield a warning for each setting that is permitted but rarely intended."""
    sources = site.time.sources
    if sources is None:
        # The default sources depend on the host.
        return
    directives = lines(site.time, "authselectmode", "local")
    conf = "\n".join((*(source.line for source in sources), *directives, *site.time.extra))
    for advice in lint(tuple(statements(conf))):
        if advice.rule in NOTED:
            yield advice.text
