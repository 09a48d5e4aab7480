"""CPU time and memory of a proxy's processes, read from /proc; and the medians of many samples."""

import os
import statistics
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def family(pid):
    """The process and all its descendants: masters and workers count alike."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting.extend(children.get(current, []))
    return found


def cpu_seconds(pids):
    """(all CPU time, its kernel part) of these processes. schedstat counts the same time as utime + stime, in
    nanoseconds and per thread; where the kernel lacks it, the 10 ms ticks of stat must do."""
    total = kernel = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        user, system = int(fields[11]) / TICK, int(fields[12]) / TICK
        kernel += system
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            total += sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
        except (OSError, ValueError, IndexError):
            total += user + system
    return total, kernel


def memory_bytes(pids):
    """(resident, proportional) bytes, summed. Resident counts a page that two of them share twice."""
    resident = proportional = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
            resident += sizes["Rss"]
            proportional += sizes["Pss"]
        except (OSError, KeyError, ValueError):
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            except OSError:
                continue
            resident += pages * PAGE
            proportional += pages * PAGE
    return resident, proportional


def summarise(samples):
    """Median, least and greatest of every number that the samples have in common."""
    summary = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples if isinstance(sample.get(key), (int, float))]
        if len(values) == len(samples):
            summary[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return summary
