"""Compare what each output of a command says about a host with the host's entry in the JSON report of that command."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from provision.common.text import on_one_line, seconds_text
from provision.output.status_text import offset_text

Report = Mapping[str, Any]
VALIDITY = {True: "valid", False: "NO VALID ANSWER"}


def failed(report: Report) -> list[str]:
    """Return the ids of the checks that fail."""
    return [finding["id"] for finding in report["findings"] if finding["holds"] is False]


def faults(report: Report) -> dict[str, str]:
    """Return the fault of each source that gives no time, in words, by its name."""
    found = ((source["name"], source["fault"]) for source in report["status"]["sources"])
    return {name: f"{one['layer']}: {one['seen']}; {one['advice']}" for name, one in found if one is not None}


def layers(report: Report) -> list[str]:
    """Return the layers at which the sources of a host fail."""
    return [words.partition(": ")[0] for words in faults(report).values()]


def selected(report: Report) -> Report | None:
    """Return the source that the clock follows."""
    return next((one for one in report["status"]["sources"] if one["state"] == "selected"), None)


def authentication(source: Report) -> str:
    """Return how a source is authenticated, in words."""
    if source["authentication"] == "none":
        return "none"
    return f"key {source['key_id']}, {VALIDITY[source['authenticated']]}"


def assert_table_agrees(output: str, reports: Sequence[Report]) -> None:
    """Compare the table of hosts: state, layers, offset, error, reach and authentication."""
    rows = [re.split(r" {2,}", line) for line in output.splitlines()]
    by_host = {row[0]: row[1:] for row in rows}
    for report in reports:
        state, clock = report["status"], report["status"]["clock"]
        source = selected(report)
        followed = ["-", "-", "-"]
        if source is not None:
            followed = [source["name"], f"{source['reach']:03o}", authentication(source)]
        verdict = f"FAILED: {', '.join(failed(report))} ({', '.join(layers(report))})"
        assert by_host[report["host"]] == [
            state["role"],
            str(clock["stratum"]),
            offset_text(clock["offset_seconds"]),
            seconds_text(clock["error_bound_seconds"]),
            *followed,
            state["generation"][:8],
            verdict,
        ]


def assert_metrics_agree(text: str, reports: Sequence[Report]) -> None:
    """Compare the metrics: verdict, findings, clock, and of each source its layer, offset, error, reach and key."""
    seen: dict[tuple[str, str, str], float] = {}
    words: dict[tuple[str, str, str], Mapping[str, str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            what = labels.get("source_name", labels.get("check", ""))
            seen[sample.name, labels.get("host", ""), what] = sample.value
            words[sample.name, labels.get("host", ""), what] = labels
    ours = "chrony_provision_"
    for report in reports:
        host, clock = report["host"], report["status"]["clock"]
        assert seen[f"{ours}host_ok", host, ""] == report["ok"]
        assert seen["chrony_tracking_system_time_seconds", host, ""] == -clock["offset_seconds"]
        assert seen[f"{ours}error_bound_seconds", host, ""] == clock["error_bound_seconds"]
        assert seen["chrony_tracking_stratum", host, ""] == clock["stratum"]
        assert seen[f"{ours}synchronised", host, ""] == clock["synchronised"]
        assert [name for metric, one, name in seen if (metric, one) == (f"{ours}source_fault_info", host)] == list(
            faults(report)
        )
        for finding in report["findings"]:
            if finding["holds"] is not None:
                assert seen[f"{ours}finding_holds", host, finding["id"]] == finding["holds"]
        for source in report["status"]["sources"]:
            name, fault = source["name"], source["fault"]
            if fault is not None:
                assert words[f"{ours}source_fault_info", host, name]["layer"] == fault["layer"]
            if not source["address"]:
                continue
            assert seen["chrony_sources_last_sample_offset_seconds", host, name] == source["offset_seconds"]
            assert seen["chrony_sources_last_sample_error_margin_seconds", host, name] == source["error_seconds"]
            assert seen["chrony_sources_reachability_ratio", host, name] == source["reach"].bit_count() / 8
            assert words[f"{ours}source_info", host, name]["key_id"] == str(source["key_id"] or "")
            if source["authentication"] == "key":
                assert seen[f"{ours}source_authenticated", host, name] == source["authenticated"]


def state_lines(report: Report) -> list[str]:
    """Return lines that an output of text has about a host: its clock, its sources, and their faults."""
    clock = report["status"]["clock"]
    offset, bound = offset_text(clock["offset_seconds"]), seconds_text(clock["error_bound_seconds"])
    lines = [f"offset {offset}, error bound {bound}"]
    for source in report["status"]["sources"]:
        words = [source["state"], str(source["stratum"]), f"{source['poll_seconds']:g} s", f"{source['reach']:03o}"]
        last = source["last_answer_seconds"]
        words += ["never" if last is None else f"{last} s ago"]
        words += [offset_text(source["offset_seconds"]), seconds_text(source["error_seconds"])]
        lines.append(" ".join(words))
    return lines + [f"{name}: {words}" for name, words in faults(report).items()]


def assert_junit_agrees(text: str, reports: Sequence[Report]) -> None:
    """Compare the suites: the verdict, the findings, and the state of the clock and of each source."""
    suites = {suite.get("name"): suite for suite in ET.fromstring(text)}  # noqa: S314 -- it is ours
    for report in reports:
        suite = suites[report["host"]]
        verdict = suite.find("properties/property[@name='verdict']")
        assert verdict is not None
        assert verdict.get("value") == report["verdict"]
        cases = {case.get("name"): case for case in suite.iter("testcase")}
        assert [name for name, case in cases.items() if case.find("failure") is not None] == failed(report)
        for finding in report["findings"]:
            failure = cases[finding["id"]].find("failure")
            if failure is not None:
                assert failure.get("message") == on_one_line(finding["seen"])
        said = re.sub(" +", " ", suite.findtext("testcase/system-out") or "")
        assert [line for line in state_lines(report) if line not in said] == []


def assert_markdown_agrees(text: str, reports: Sequence[Report]) -> None:
    """Compare the verdict, and the findings that fail with what was seen."""
    for report in reports:
        host = report["host"]
        assert re.search(rf"\| <code>{host}</code> \| \w* \| {report['verdict']} \|", text)
        details = text.partition(f"<summary><code>{host}</code>: {report['verdict']}")[2].partition("</details>")[0]
        for finding in report["findings"]:
            assert (f"  ({on_one_line(finding['seen'])})" in details) == (finding["holds"] is not True), finding


def assert_plugin_agrees(output: str, reports: Sequence[Report]) -> None:
    """Compare the line of each host, and its performance data."""
    lines = output.splitlines()
    data = dict(re.findall(r"'([^']+)'=([-.\d]+)", output))
    for report in reports:
        host, clock = report["host"], report["status"]["clock"]
        (line,) = [line for line in lines if re.match(rf"\[(WARNING|CRITICAL)\] {host}: ", line)]
        seen = [finding["seen"] for finding in report["findings"] if finding["holds"] is False]
        assert [words for words in seen if f"({on_one_line(words)})".replace("µ", "u") not in line] == []
        assert [words for words in faults(report).values() if words not in line] == []
        assert line.startswith("[WARNING]") == (failed(report) == ["limits.sources"])
        assert int(data[f"{host} stratum"]) == clock["stratum"]
        if clock["synchronised"]:
            assert float(data[f"{host} offset"]) == round(clock["offset_seconds"], 9)
            assert float(data[f"{host} error"]) == round(clock["error_bound_seconds"], 9)
        assert (f"{host} offset" in data) == clock["synchronised"]


def assert_page_agrees(page: Path, reports: Sequence[Report]) -> None:
    """Compare the table of the page, its failures, and the details of each host."""
    text = page.read_text()
    found = re.search('<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    rows = re.findall(r'<tbody( class="failed")?><tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    for report, details, (bad, host, cells) in zip(reports, json.loads(found[1]), rows, strict=True):
        clock = report["status"]["clock"]
        assert (host, bool(bad)) == (report["host"], not report["ok"])
        shown = re.findall(r"<td[^>]*>(.*?)</td>", cells)
        offset, bound = offset_text(clock["offset_seconds"]), seconds_text(clock["error_bound_seconds"])
        assert [report["verdict"], report["status"]["role"], str(clock["stratum"]), offset, bound] == [
            *shown[:3],
            *shown[4:6],
        ]
        for source, row in zip(report["status"]["sources"], details["sources"], strict=True):
            assert (row[:2], row[-1]) == ([source["name"], source["state"]], faults(report).get(source["name"], ""))
            assert offset_text(source["offset_seconds"]) in row
            assert seconds_text(source["error_seconds"]) in row
            assert f"{source['reach'].bit_count()} of 8" in row
            if source["authentication"] in {"none", "key"}:
                assert authentication(source) in row
        assert sorted(one[0] == "FAILED" for one in details["findings"]) == sorted(
            one["holds"] is False for one in report["findings"]
        )


def assert_state_is_alike(one: Report, other: Report) -> None:
    """Compare what does not change from one question to the next, as in the reports of status and verify."""
    for name in ("role", "generation", "release", "wanted_release", "confirmed", "limits", "key_ids"):
        assert one["status"][name] == other["status"][name]
    assert one["status"]["clock"].keys() == other["status"]["clock"].keys()
    assert [_lasting(source) for source in one["status"]["sources"]] == [
        _lasting(source) for source in other["status"]["sources"]
    ]


def _lasting(source: Report) -> dict[str, Any]:
    lasting = {name: source[name] for name in ("name", "address", "kind", "authentication", "key_id", "authenticated")}
    return {**lasting, "layer": source["fault"] and source["fault"]["layer"], "reached": source["reach"] > 0}
