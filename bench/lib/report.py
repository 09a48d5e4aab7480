"""The results as JSON and as a table: medians, spread, and ratios to postern and to the floor."""

import json
import math

from cases import TARGETS
from measure import summarise


class Results:
    """Samples by case and proxy, in the order of the run."""

    def __init__(self, cases, names):
        self.cases, self.names = cases, names
        self._samples = {}
        self.notes = []

    def add(self, case, name, sample):
        self._samples.setdefault((case.name, name), []).append(sample)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def summary(self, case, name):
        samples = self._samples.get((case.name, name))
        return summarise(samples) if samples else None

    def value(self, case, name):
        summary = self.summary(case, name)
        return summary[case.metric]["median"] if summary else None

    def ratio(self, case, numerator, denominator):
        top, bottom = self.value(case, numerator), self.value(case, denominator)
        return top / bottom if top is not None and bottom else None

    def as_json(self, meta):
        rows = []
        for case in self.cases:
            for name in self.names:
                samples = self._samples.get((case.name, name))
                if samples:
                    rows.append({"case": case.name, "title": case.title, "proxy": name, "metric": case.metric,
                                 "summary": summarise(samples), "postern_ratio": self.ratio(case, "postern", name),
                                 "floor_ratio": self.ratio(case, name, "floor"), "samples": samples})
        targets = [{"case": t.case, "against": t.against, "limit": t.limit, "value": value, "met": value <= t.limit}
                   for t, value in judge(self)]
        return json.dumps({"meta": meta, "results": rows, "targets": targets, "notes": self.notes}, indent=1) + "\n"


def judge(results):
    """(target, value) of every target that this run can speak about."""
    found = []
    for target in TARGETS:
        case = next((c for c in results.cases if c.name == target.case), None)
        if case is None:
            continue
        value = results.ratio(case, "postern", target.against) if target.against else results.value(case, "postern")
        if value is not None:
            found.append((target, value))
    return found


def size_text(count):
    if count >= 1e6:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e3:.1f} KB" if abs(count) >= 1e3 else f"{count:.0f} B"


def ratio_text(ratio):
    return "-" if ratio is None else f"{ratio:.2f}"


def table(results):
    """The text that bench/run prints."""
    engines = [name for name in results.names if name.startswith("postern")]
    ratios = [f"{name.replace('postern-', '')}/it" for name in engines] + ["it/floor"]
    lines = []
    for case in results.cases:
        rows = [(name, results.summary(case, name)) for name in results.names]
        rows = [(name, summary) for name, summary in rows if summary]
        if not rows:
            continue
        if case.is_memory:
            head = ["memory", "min..max", "process RSS"]
        else:
            unit = "handshake" if case.kind == "handshake" else "request"
            head = [f"CPU us/{unit}", "min..max", "per second", "p50 ms", "p99 ms", "CPU busy", "RSS"]
        body = []
        for name, summary in rows:
            cells = memory_cells(case, summary) if case.is_memory else load_cells(summary)
            if summary.get("errors", {}).get("max", 0) > 0:
                cells[0] += "!"
                results.note(f"! {name} had up to {summary['errors']['max']} errors a round in '{case.title}'")
            body.append([name] + cells + [ratio_text(results.ratio(case, engine, name)) for engine in engines] +
                        [ratio_text(results.ratio(case, name, "floor"))])
        detail = f" ({case.connections} connections)" if not case.is_memory else ""
        lines += ["", f"{case.title}{detail}"] + columns([["proxy"] + head + ratios] + body)
    return "\n".join(lines + closing(results)).lstrip("\n")


def load_cells(summary):
    cost = summary["us_per_request"]
    digits = 1 if cost["median"] < 1000 else 0
    return [f"{cost['median']:.{digits}f}", f"{cost['min']:.{digits}f}..{cost['max']:.{digits}f}",
            f"{summary['requests_per_second']['median']:,.0f}", f"{summary['p50_us']['median'] / 1e3:.2f}",
            f"{summary['p99_us']['median'] / 1e3:.2f}", f"{summary['busy']['median']:.0%}",
            size_text(summary["rss_bytes"]["median"])]


def memory_cells(case, summary):
    values = summary[case.metric]
    return [size_text(values["median"]), f"{size_text(values['min'])}..{size_text(values['max'])}",
            size_text(summary["rss_bytes"]["median"])]


def columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + row[0].ljust(widths[0]) +
            "".join("  " + cell.rjust(width) for cell, width in zip(row[1:], widths[1:])) for row in rows]


def closing(results):
    """The targets, which engine is cheaper, and what else a reader must know."""
    lines = []
    judged = judge(results)
    if judged:
        lines += ["", "targets"]
    for target, value in judged:
        case = next(c for c in results.cases if c.name == target.case)
        limit = ratio_text(target.limit) if target.against else size_text(target.limit)
        shown = f"postern/{target.against} {ratio_text(value)}" if target.against else f"postern {size_text(value)}"
        lines.append(f"  {'met   ' if value <= target.limit else 'MISSED'}  {case.title}: {shown} (at most {limit})")
    if "postern-io_uring" in results.names:
        found = [results.ratio(case, "postern-io_uring", "postern") for case in results.cases if not case.is_memory]
        found = [ratio for ratio in found if ratio]
        if found:
            mean = math.exp(sum(map(math.log, found)) / len(found))
            cheaper = "io_uring" if mean < 1 else "epoll"
            lines += ["", f"engines: io_uring costs {mean:.2f} of epoll (geometric mean of {len(found)} cases): "
                          f"{cheaper} is cheaper here"]
    return lines + ([""] + results.notes if results.notes else [])
