"""The report as Markdown: one table of ratios a question, aligned so that it also reads as plain text."""

import bench_data
import bench_ratios as ratios

WIDTH = 120

INTRODUCTION = """\
Each cell is **fanout / competitor**: below 1 fanout is faster, above 1 the competitor is. It is the quotient of the two
medians of all repetitions, ± half the interquartile range of the quotients of all pairs of repetitions, then the
competitor's median time. "fanout again (A/A)" is the same code measured twice in the same run: as far as its ratio is
from 1, or spreads, so far any ratio may be by chance. Where fanout is slower by more than that and by more than the
ratio's own spread, the ratio is in bold. Names in italics are bounds, which are reckoned, not run.
"""


def facts(report):
    """(label, text) of what has to be known to believe the numbers."""
    run, machine, build = report["run"], report["machine"], report["build"]
    dirty = {True: ", with changes that are not committed", False: ""}.get(run.get("dirty"), ", changes unknown")
    return [
        ("Command", f"`{run.get('command', 'unknown')}`"),
        ("Date and commit", f"{run.get('date', 'unknown')}, {str(run.get('commit', 'unknown'))[:12]}{dirty}"),
        ("Machine", f"{machine.get('cpu', 'unknown')}, {machine.get('cores', 'unknown')} cores, "
                    f"{machine.get('memory_gib', 'unknown')} GiB, {machine.get('kernel', 'unknown')}"),
        ("Limits", f"affinity {machine.get('affinity', 'unknown')}, cgroup quota {machine.get('quota', 'unknown')}, "
                   f"governor {machine.get('governor', 'unknown')}, "
                   f"load average before the build {machine.get('load_average', 'unknown')}"),
        ("Compiler", build.get("compiler", "unknown")),
        ("Flags", f"`{build.get('flags', 'unknown')}`"),
        ("Libraries", f"oneTBB {build.get('onetbb', 'unknown')}, "
                      f"Google Benchmark {build.get('google_benchmark', 'unknown')}"),
    ]


def percent(value):
    return f"{value:.1f} %" if value < 100 else f"{value:,.0f} %"


def cell(table, workload, competitor):
    series = table.series(workload, competitor)
    if not series:
        return "–"
    written = table.written(workload, competitor)
    if competitor == ratios.FANOUT:
        return f"1 ± {percent(ratios.spread_percent(series))} · {written}" if min(series) > 0 else f"– · {written}"
    found = table.ratio(workload, competitor)
    if found is None:
        return f"– · {written}"
    number = ratios.write_ratio(found.value)
    if table.is_slower(workload, competitor):
        number = f"**{number}**"
    return f"{number} ± {percent(found.spread)} · {written}"


def padded(column):
    """The cells of a column, the first of which is its head, in one width."""
    width = max(map(len, column))
    return [text.ljust(width) for text in column]


def in_groups(first, columns):
    """The columns in groups that fit beside the first one into the width of a page; at least one in each."""
    groups, used = [], WIDTH + 1
    for column in columns:
        width = len(column[0]) + 3
        if used + width > WIDTH:
            groups.append([first])
            used = len(first[0]) + 4
        groups[-1].append(column)
        used += width
    return groups


def lines(columns):
    rows = [f"| {' | '.join(row)} |" for row in zip(*columns)]
    rule = "|" + "|".join("-" * (len(column[0]) + 2) for column in columns) + "|"
    return [rows[0], rule, *rows[1:]]


def escaped(text):
    return text.replace("|", "\\|")


def ratio_tables(table):
    """A table, or several below each other where the workloads do not fit into one."""
    names = [f"*{escaped(each)}*" if each in ratios.BOUNDS else escaped(ratios.competitor_title(each))
             for each in table.competitors]
    first = padded([f"{ratios.measure_title(table.measure)}: fanout / …", *names])
    columns = [padded([escaped(workload), *(cell(table, workload, each) for each in table.competitors)])
               for workload in table.workloads]
    return "\n\n".join("\n".join(lines(group)) for group in in_groups(first, columns)) + "\n"


def section(question):
    parts = [f"## {question['question']}\n"]
    about = bench_data.sentence(question["question"])
    if about:
        parts.append(about + "\n")
    tables = ratios.tables(question)
    parts += [ratio_tables(table) for table in tables]
    if not any(ratios.AGAIN in table.competitors for table in tables):
        parts.append("This question has no A/A pair: only the spreads tell its noise.\n")
    return "\n".join(parts)


def where_slower(report):
    found = ratios.losses(report)
    if not found:
        return "## Where fanout is slower\n\nNowhere by more than the noise.\n"
    rows = []
    for question, workload, competitor, ratio, noise in found:
        rows.append((question, escaped(workload), escaped(competitor), ratios.write_ratio(ratio.value),
                     percent(ratio.spread), "–" if noise is None else percent(noise)))
    heads = ("question", "workload", "competitor", "fanout / it", "spread", "A/A noise")
    columns = [padded([head, *column]) for head, column in zip(heads, zip(*rows))]
    return "\n".join(["## Where fanout is slower\n", "By more than the noise, the worst first.\n", *lines(columns), ""])


def document(report):
    parts = ["# Benchmarks of fanout\n", "\n".join(f"* {label}: {text}" for label, text in facts(report)) + "\n"]
    if report["skipped"]:
        parts.append("Left out of this build:\n\n" + "\n".join(f"* {each}" for each in report["skipped"]) + "\n")
    if report["failed"]:
        parts.append(f"**Not measured, because the program failed: {', '.join(report['failed'])}.**\n")
    parts += [INTRODUCTION, where_slower(report), *map(section, report["questions"])]
    return "\n".join(parts)
