"""The diff between the generation on a host and the staged one."""

from tests.helpers.booted_hosts import assert_nowhere
from tests.helpers.samples import GENERATION, SECRET
from tests.helpers.step_answers import CURRENT
from tests.helpers.step_samples import (
    STAGED,
)


def test_a_diff_shows_configuration_and_unit_and_no_key() -> None:
    conf = GENERATION.conf.replace("pool pool.ntp.org iburst", "pool old.example iburst")
    unit = GENERATION.unit.replace(GENERATION.id, "0123456789abcdef").replace("User=_chrony", "User=root")
    seen = f"==> generation\nmissing\n==> chrony.conf\n{conf}==> chronyd.service\n{unit}"
    diff = STAGED.diff(seen)
    assert (
        diff
        == f"""\
--- chrony.conf
+++ chrony.conf (new)
@@ -1,2 +1,2 @@
-pool old.example iburst
+pool pool.ntp.org iburst
 keyfile /opt/chrony/current/chrony.keys
--- chronyd.service
+++ chronyd.service (new)
@@ -1,5 +1,5 @@
 [Service]
 Environment=CHRONY_GENERATION={GENERATION.id}
-User=root
+User=_chrony
 ExecStart=/opt/chrony/current/build/sbin/chronyd -n -U -f /opt/chrony/current/chrony.conf
 CapabilityBoundingSet=CAP_SYS_TIME CAP_NET_BIND_SERVICE"""
    )
    assert_nowhere(SECRET, diff)


def test_a_diff_against_a_bare_host_adds_every_line() -> None:
    diff = STAGED.diff("==> generation\nmissing\n==> chrony.conf\n==> chronyd.service")
    assert [line for line in diff.splitlines() if line.startswith("+p")] == ["+pool pool.ntp.org iburst"]
    assert_nowhere(SECRET, diff)


def test_nothing_but_another_key_is_an_empty_diff() -> None:
    assert STAGED.diff(f"==> generation\nmissing\n{CURRENT}") == ""
