"""Answers of hosts to the looks of steps, of which several tests have a part."""

from provision.deploy.steps.metrics_textfile import MetricsTextfile
from tests.helpers.samples import GENERATION

LOGS = "/var/log/chrony"

METRICS = MetricsTextfile(folder="/srv/metrics", service="s", timer="t", script="x")

WAITS = f"generation={GENERATION.id}\nfallback=bbbb\nreverts=2026-11-22T20:01:30Z\nnow=2026-11-22T20:00:30Z"
"""As print_unconfirmed.sh says it."""

CURRENT = f"==> chrony.conf\n{GENERATION.conf}==> chronyd.service\n{GENERATION.unit}".rstrip("\n")
