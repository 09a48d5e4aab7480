"""The results as JSON and as a table: medians, spread, and ratios to postern and to the floor."""

import json
import math
from dataclasses import dataclass

from cases import TARGETS, Case, Target
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

    def value(self, case, name, metric=""):
        summary = self.summary(case, name)
        found = summary.get(metric or case.metric) if summary else None
        return found["median"] if found else None

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
        targets = [{"case": v.case.name, "against": v.target.against, "metric": v.target.metric or v.case.metric,
                    "limit": v.limit, "value": None if v.value == math.inf else v.value, "met": v.met}
                   for v in judge(self)]
        return json.dumps({"meta": meta, "results": rows, "targets": targets, "notes": self.notes}, indent=1) + "\n"


@dataclass
class Verdict:
    """What a run says of a target. A ratio is judged as it is; another metric as such, since it may be about zero."""

    target: Target
    case: Case
    value: float
    limit: float

    @property
    def met(self):
        return self.value <= self.limit

    def __str__(self):
        against = self.target.against
        if self.target.baseline:
            return (f"postern with/without (against {self.target.baseline}) {ratio_text(self.value)} "
                    f"(at most {ratio_text(self.limit)})")
        if self.value == math.inf:
            return f"postern has no figure (against {against})"
        if self.target.metric:
            name = self.target.metric.replace("_us", "").replace("_", " ")
            return f"{name}: postern {self.value:.0f} us (at most {self.limit:.0f} us, the least of {against})"
        if against:
            return f"postern/{against} {ratio_text(self.value)} (at most {ratio_text(self.limit)})"
        return f"postern {size_text(self.value)} (at most {size_text(self.limit)})"


def judge(results):
    """The verdict on every target that this run can speak about."""
    found = []
    for target in TARGETS:
        case = next((c for c in results.cases if c.name == target.case), None)
        if case is None:
            continue
        limit = target.limit
        if target.baseline:
            base = next((c for c in results.cases if c.name == target.baseline), None)
            with_it, without = results.value(case, "postern"), results.value(base, "postern") if base else None
            value = with_it / without if with_it is not None and without else None
            if not base:
                continue
        elif target.metric:
            others = [results.value(case, name, target.metric) for name in target.against.split(",")]
            value = results.value(case, "postern", target.metric)
            if None in others:
                continue
            limit *= min(others)
        elif target.against:
            value = results.ratio(case, "postern", target.against)
        else:
            value = results.value(case, "postern")
        if value is not None:
            found.append(Verdict(target, case, value, limit))
        elif "postern" in results.names and not case.is_memory and results.value(case, "postern") is None:
            found.append(Verdict(target, case, math.inf, limit))  # it was to be measured and did not answer
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
        head = ["memory", "min..max", "process RSS"] if case.is_memory else load_head(case)
        body = []
        for name, summary in rows:
            cells = memory_cells(case, summary) if case.is_memory else load_cells(case, summary)
            if summary.get("errors", {}).get("max", 0) > 0:
                cells[0] += "!"
                results.note(f"! {name} had up to {summary['errors']['max']} errors a round in '{case.title}'")
            if summary.get("share_sent", {}).get("min", 1) < 0.97:
                results.note(f"{name} had only {summary['share_sent']['min']:.0%} of the events in a round of "
                             f"'{case.title}': whoever is too slow, quote no latencies")
            body.append([name] + cells + [ratio_text(results.ratio(case, engine, name)) for engine in engines] +
                        [ratio_text(results.ratio(case, name, "floor"))])
        streams = f", {case.streams} streams each" if case.streams > 1 else ""
        detail = f" ({case.connections} connections{streams})" if not case.is_memory else ""
        lines += ["", f"{case.title}{detail}"] + columns([["proxy"] + head + ratios] + body)
    return "\n".join(lines + closing(results)).lstrip("\n")


# The columns on time: their titles, and the keys of a sample, in us. h2load tells a mean and no percentiles.
TIMES = {"h2": [("mean ms", "mean_us")],
         "sse": [("p50 ms", "p50_us"), ("p99 ms", "p99_us"), ("p99.9 ms", "p999_us"), ("added p99 ms", "added_p99_us")]}
USUAL_TIMES = [("p50 ms", "p50_us"), ("p99 ms", "p99_us")]


def load_head(case):
    unit = {"handshake": "handshake", "sse": "event"}.get(case.kind, "request")
    times = [title for title, _ in TIMES.get(case.kind, USUAL_TIMES)]
    return [f"CPU us/{unit}", "min..max", "per second", *times, "CPU busy", "RSS"]


def load_cells(case, summary):
    """A cell without a figure is a dash: the origin without a proxy has no cost."""

    def median(key, show):
        return show(summary[key]["median"]) if key in summary else "-"

    cost = summary.get(case.metric)
    digits = 1 if cost and cost["median"] < 1000 else 0
    spread = f"{cost['min']:.{digits}f}..{cost['max']:.{digits}f}" if cost else "-"
    times = [median(key, lambda us: f"{us / 1e3:.2f}") for _, key in TIMES.get(case.kind, USUAL_TIMES)]
    return [median(case.metric, lambda us: f"{us:.{digits}f}"), spread,
            median("requests_per_second", lambda count: f"{count:,.0f}"), *times,
            median("busy", lambda share: f"{share:.0%}"), median("rss_bytes", size_text)]


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
    for verdict in judged:
        lines.append(f"  {'met   ' if verdict.met else 'MISSED'}  {verdict.case.title}: {verdict}")
    if "postern-io_uring" in results.names:
        found = [results.ratio(case, "postern-io_uring", "postern") for case in results.cases if not case.is_memory]
        found = [ratio for ratio in found if ratio]
        if found:
            mean = math.exp(sum(map(math.log, found)) / len(found))
            cheaper = "io_uring" if mean < 1 else "epoll"
            lines += ["", f"engines: io_uring costs {mean:.2f} of epoll (geometric mean of {len(found)} cases): "
                          f"{cheaper} is cheaper here"]
    return lines + ([""] + results.notes if results.notes else [])
