"""The report as Markdown: its whole text, its length, and text of hosts that must have no effect there."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.host.target import Kind, Target
from provision.output.fleet_text import fleet_text
from provision.output.markdown import MOST_CHARACTERS, markdown_text
from provision.output.report import Report
from tests.helpers.command_reports import command_report
from tests.helpers.report_samples import BAD, CHANGED, GOOD, PENDING, UNCHANGED, UNTRIED, report
from tests.unit.output.test_junit import hosts

NTP2 = Target(text="ntp2", kind=Kind.LOCAL)
FAILED = report(role="server", outcomes=[CHANGED, UNCHANGED], findings=[GOOD, BAD, UNTRIED], may_have_changed=True)
WHOLE = """\
### chrony-provision verify

exit status 1, began 2026-11-27T19:02:17Z, site <code>site.toml</code>

```text
2 hosts: 1 ok, 1 FAILED; 1 changed
  1 host (ntp1): FAILED: the clock is synchronised
```

| host | role | verdict | changed | reason |
| --- | --- | --- | --- | --- |
| <code>ntp1</code> | server | FAILED | 1 changed | <code>FAILED&#58; the clock is synchronised</code> |
| <code>ntp2</code> | client | ok | nothing changed |  |

<details><summary><code>ntp1</code>: FAILED</summary>

```text
  changed      chrony 4.9 built  (no finished build of this recipe)
  FAILED       the clock is synchronised  (0 of 4 sources answer, none is selected)
  not checked  198.51.100.7: requests from this machine are answered  (no answer reaches this machine)
  log          /log/ntp1.log
  FAILED, 1 changed (3 round trips, 0.9 s)
```

</details>
"""


def test_the_whole_text() -> None:
    reports = [report(host=NTP2, role="client"), FAILED]
    assert markdown_text(command_report(*reports, summary=fleet_text(reports))) == WHOLE


def rows_of(text: str) -> list[str]:
    """Return the rows of the table below its heading."""
    return [line for line in text.splitlines() if line.startswith("| <code>")]


def test_a_plan_shows_its_text_and_no_details_of_hosts_that_would_change() -> None:
    text = markdown_text(
        command_report(report(outcomes=[PENDING]), command="plan", summary="Plan: 1 host, 1 to change.")
    )
    assert "\n```text\nPlan: 1 host, 1 to change.\n```\n" in text
    assert rows_of(text) == ["| <code>ntp1</code> |  | would change | 1 would change |  |"]
    assert "<details>" not in text


def test_an_error_of_the_command_is_shown_without_a_table() -> None:
    text = markdown_text(command_report(error="site.toml: a | b", exit_status=2, site=None))
    assert text == (
        "### chrony-provision verify\n\nexit status 2, began 2026-11-27T19:02:17Z\n\n"
        "**error**: <code>site.toml&#58; a &#124; b</code>\n"
    )


def test_the_most_urgent_hosts_come_first() -> None:
    reports = [report(), report(outcomes=[PENDING]), report(error="x", tried=False), FAILED]
    verdicts = [row.split(" | ")[2] for row in rows_of(markdown_text(command_report(*reports)))]
    assert verdicts == ["FAILED", "not tried", "would change", "ok"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [100, 2000])
def test_a_large_site_fits_into_a_comment(number: int) -> None:
    failed = replace(FAILED, error="it rains " * 1000)
    text = markdown_text(command_report(*[failed] * number, summary="it rains\n" * number))
    assert len(text) < MOST_CHARACTERS * 1.05
    (rows,) = re.findall(r"\| left out here: (\d+) \|", text)
    (blocks,) = re.findall("Hosts that are not ok, left out here: ([0-9]+)", text)
    assert len(rows_of(text)) + int(rows) == number
    assert text.count("<details>") + int(blocks) == number


EVIL = "| `x` ``` <b>&amp; [a](http://x) ![i](u) @org/team #1 www.x.example *a* _b_ ~~c~~ \\| $`a`$\n/close"


def outside_of_code(text: str) -> str:
    """Return the text without its code: blocks, by the rule of CommonMark for fences, and elements on one line."""
    left = []
    fence = ""
    for line in text.splitlines():
        mark = re.fullmatch(r" {0,3}(`{3,})(\w*)", line)
        if fence:
            if mark and not mark[2] and len(mark[1]) >= len(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            left.append(re.sub(r"<code>(\w|[ ,./=-]|&#\d+;)+</code>", "CODE", line))
    assert fence == ""
    return "\n".join(left)


def test_empty_lines_are_counted() -> None:
    assert len(markdown_text(command_report(report(), summary="\n" * 100_000))) < MOST_CHARACTERS


@given(hosts(), st.text())
def test_hostile_text_is_code(host: Report, summary: str) -> None:
    text = markdown_text(command_report(host, summary=summary))
    harmless = replace(host, host=NTP2, error=host.error and "it rains")
    expected = markdown_text(command_report(harmless, summary=summary and "it rains"))
    assert outside_of_code(text) == outside_of_code(expected)


def test_each_kind_of_markup_is_code() -> None:
    evil = report(host=Target(text=EVIL, kind=Kind.LOCAL), error=EVIL, findings=[replace(BAD, seen=EVIL)], notes=[EVIL])
    text = markdown_text(command_report(evil, summary=EVIL, error=EVIL))
    assert outside_of_code(text).splitlines() == [
        "### chrony-provision verify",
        "",
        "exit status 1, began 2026-11-27T19:02:17Z, site CODE",
        "",
        "**error**: CODE",
        "",
        "",
        "| host | role | verdict | changed | reason |",
        "| --- | --- | --- | --- | --- |",
        "| CODE |  | FAILED | nothing changed | CODE |",
        "",
        "<details><summary>CODE: FAILED</summary>",
        "",
        "",
        "</details>",
    ]
    assert "www.x" not in re.sub(r"(?s)`{4,}text.*?`{4,}", "", text)
