"""The results as one SVG: a small bar chart per case, shorter is better. Written by hand; no library, no script."""

from html import escape

from report import size_text

WIDTH, MARGIN, GAP, COLUMNS = 960, 32, 28, 2
BAR, STEP, NAME, VALUE = 14, 22, 126, 92  # bar height, row height, room for the name and for the figure
COLOURS = {"postern": "#0f766e", "postern-io_uring": "#5eaaa2", "floor": "#d4d4d8"}
OTHER = "#94a3b8"
STYLE = ("text{font-family:ui-sans-serif,system-ui,'Segoe UI',Helvetica,Arial,sans-serif;font-size:12px;fill:#334155}"
         ".title{font-size:18px;font-weight:600;fill:#0f172a}.case{font-size:13px;font-weight:600;fill:#0f172a}"
         ".soft{fill:#64748b}.own{font-weight:600;fill:#0f766e}")


def text(x, y, words, kind="", anchor="start"):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{escape(words)}</text>'


def figure(case, value):
    if case.is_memory:
        return size_text(value)
    return f"{value:.1f} µs" if value < 1000 else f"{value / 1000:.2f} ms"


def panel(case, rows, left, top, width):
    """One case. Rows are (name, median, least, greatest); the thin line on a bar is the spread of the rounds."""
    unit = {"wrk": "CPU per request", "h2": "CPU per request", "sse": "CPU per event",
            "handshake": "CPU per handshake", "idle": "per connection"}.get(case.kind, "RSS")
    parts = [text(left, top, case.title, "case"), text(left + width, top, unit, "soft", "end")]
    room = width - NAME - VALUE
    scale = room / (max(row[1] for row in rows) or 1)
    for index, (name, median, least, greatest) in enumerate(rows):
        y = top + 12 + index * STEP
        begin, middle = left + NAME, y + BAR / 2
        own = "own" if name.startswith("postern") else ""
        parts.append(text(begin - 8, middle + 4, name, own, "end"))
        parts.append(f'<rect x="{begin}" y="{y}" width="{max(1.0, median * scale):.1f}" height="{BAR}" rx="2" '
                     f'fill="{COLOURS.get(name, OTHER)}"/>')
        low, high = (begin + min(room, max(1.0, edge * scale)) for edge in (least, greatest))
        if greatest > least:
            parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#0f172a" stroke-opacity=".45"/>')
        parts.append(text(high + 8, middle + 4, figure(case, median), own))
    return parts


def svg(results, meta):
    """The whole chart. Cases without a result are left out."""
    panels = []
    for case in results.cases:
        rows = []
        for name in results.names:
            summary = results.summary(case, name)
            if summary and case.metric in summary:
                values = summary[case.metric]
                rows.append((name, max(0.0, values["median"]), values["min"], values["max"]))
        if rows:
            panels.append((case, rows))
    width = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP * 2) / COLUMNS
    versions = ", ".join(f"{name} {number}".strip() for name, number in meta["versions"].items() if number)
    parts = [text(MARGIN, 44, "What a request costs: one worker on one CPU, shorter is better", "title"),
             text(MARGIN, 66, f"{meta['cpu']}, Linux {meta['kernel']}, {meta['date']}", "soft"),
             text(MARGIN, 84, f"Medians of {meta['rounds']} interleaved rounds of {meta['seconds']:.2g} s; {versions}",
                  "soft")]
    top = 120
    for start in range(0, len(panels), COLUMNS):
        line = panels[start:start + COLUMNS]
        for column, (case, rows) in enumerate(line):
            parts += panel(case, rows, MARGIN + column * (width + 2 * GAP), top, width)
        top += 12 + max(len(rows) for _, rows in line) * STEP + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
            f'role="img" aria-label="CPU time and memory of reverse proxies">\n<style>{STYLE}</style>\n'
            f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")
