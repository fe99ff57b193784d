"""The report as one page that needs nothing else: no network, no script, no font; the charts are SVG inside of it.

Lengths across are per cent of the chart, so that text keeps its size on a phone and on a desk.
"""

import html
import math

import bench_data
import bench_markdown
import bench_ratios as ratios

ROW = 40  # the height of a competitor: a line of text, and the bar below it
AXIS = 20  # the height of the axis below the bars
LOG_FROM = 10  # largest / smallest from which on a linear scale would hide the small ones

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --panel: #f6f8fa;
  --bar: #8c959f; --accent: #0a5cc0; --band: rgba(10, 92, 192, .16); }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0f1318; --ink: #e6edf3; --quiet: #a3adb8; --line: #3a424c; --panel: #171c23;
    --bar: #78828d; --accent: #6cb0ff; --band: rgba(108, 176, 255, .22); } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 16px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { margin: 8px 0; font-size: 28px; } h2 { margin: 40px 0 4px; font-size: 22px; }
h3 { margin: 0 0 8px; font-size: 16px; } p { max-width: 75ch; margin: 8px 0; } .quiet { color: var(--quiet); }
code { font: 14px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 16px 0; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 560px) { dl { display: block; } dt { margin-top: 8px; } }
.key { display: flex; flex-wrap: wrap; gap: 8px 24px; padding: 0; list-style: none; }
.key li { display: flex; align-items: center; gap: 8px; } .key svg { width: 36px; height: 16px; flex: none; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); gap: 16px;
  margin: 16px 0; }
.panels > div { min-width: 0; padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px;
  background: var(--panel); }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: 14px; }
.panels svg { display: block; width: 100%; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; } svg .tick { fill: var(--quiet); font-size: 12px; }
svg .value { font-variant-numeric: tabular-nums; } svg .ours { fill: var(--accent); font-weight: 600; }
svg .grid { stroke: var(--line); } svg .one { stroke: var(--accent); stroke-width: 1.5; }
svg .band { fill: var(--band); }
svg .bar { fill: var(--bar); } svg .bar.fanout { fill: var(--accent); }
svg .bar.again { fill: var(--panel); stroke: var(--accent); stroke-width: 1.5; }
svg .bar.bound { fill: none; stroke: var(--quiet); stroke-dasharray: 4 3; }
svg .whisker { stroke: var(--ink); stroke-width: 1.5; }
details { margin: 8px 0; } summary { cursor: pointer; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
.warning { padding: 8px 12px; border-left: 4px solid var(--accent); background: var(--panel); }
"""

KEY = (
    ('<rect class="bar fanout" x="1" y="3" width="34" height="10"/>', "fanout"),
    ('<rect class="bar" x="1" y="3" width="34" height="10"/>', "a competitor"),
    ('<rect class="bar again" x="1" y="3" width="34" height="10"/>', "fanout measured a second time (A/A)"),
    ('<rect class="bar bound" x="1" y="3" width="34" height="10"/>', "a bound: reckoned, not run"),
    ('<path class="whisker" d="M4 8H32M4 4V12M32 4V12"/>', "the middle half of the repetitions"),
    ('<rect class="band" x="8" y="0" width="20" height="16"/><path class="one" d="M18 0V16"/>',
     "noise: fanout differs from itself by as much"),
)


def text(value):
    return html.escape(str(value))


def with_code(value):
    """The back ticks of Markdown as elements."""
    parts = text(value).split("`")
    return "".join(f"<code>{part}</code>" if rank % 2 else part for rank, part in enumerate(parts))


# ---- Scales ----

class Scale:
    """Times relative to fanout, as per cent of the width."""

    def __init__(self, values):
        low, high = min(values), max(values)
        self.is_log = low > 0 and high / low > LOG_FROM
        self.low, self.high = (low / 1.6, high * 1.1) if self.is_log else (0.0, high * 1.04)

    def percent(self, value):
        if self.is_log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = value / self.high
        return 100 * min(max(share, 0.0), 1.0)

    def ticks(self):
        ticks = self._powers() if self.is_log else self._steps()
        return [tick for tick in ticks if self.low <= tick <= self.high]

    def _steps(self):
        """Round numbers, about four of them."""
        rough = self.high / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
        return [step * rank for rank in range(int(self.high / step) + 1)]

    def _powers(self):
        """Powers of ten, four at most or they touch on a phone, or also their double and half; 1 always among them."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        if last - first < 2:  # too few of them to read a bar between
            return [factor * 10.0 ** exponent for exponent in range(first - 1, last + 1) for factor in (1, 2, 5)]
        stride = max(1, math.ceil((last - first + 1) / 4))
        return [10.0 ** exponent for exponent in range(first, last + 1) if exponent % stride == 0]


# ---- Charts ----

def kind(competitor):
    if competitor in ratios.BOUNDS:
        return "bar bound"
    return {ratios.FANOUT: "bar fanout", ratios.AGAIN: "bar again"}.get(competitor, "bar")


def relative(table, workload, competitor):
    """The competitor's quartiles and median as multiples of fanout's median: (low, middle, high)."""
    ours = ratios.median(table.series(workload, ratios.FANOUT))
    series = table.series(workload, competitor)
    low, high = ratios.quartiles(series)
    return low / ours, ratios.median(series) / ours, high / ours


def anchored(percent):
    """Text at the edge must not leave the chart."""
    return "start" if percent < 6 else "end" if percent > 94 else "middle"


def upright(kind_of_line, x, top):
    """A vertical line beside the bar of a row, so that none strikes through the text."""
    return f'<line class="{kind_of_line}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{top + 18}" y2="{top + 34}"/>'


def tick_labels(scale, height):
    return [f'<text class="tick" x="{scale.percent(tick):.2f}%" y="{height + 12}" '
            f'text-anchor="{anchored(scale.percent(tick))}">{tick:,.10g}×</text>' for tick in scale.ticks()]


def noise_band(scale, top, noise):
    if noise is None:
        return []
    low, high = scale.percent(max(1 - noise / 100, 0.0)), scale.percent(1 + noise / 100)
    return [f'<rect class="band" x="{low:.2f}%" y="{top + 18}" width="{high - low:.2f}%" height="16"/>']


def bar(scale, top, competitor, points, written):
    """A competitor: its name and its number in one line, its bar and whisker below."""
    low, middle, high = points
    number = written if competitor == ratios.FANOUT else f"{ratios.write_ratio(middle)}× · {written}"
    ours = " ours" if competitor == ratios.FANOUT else ""
    left, right, y = scale.percent(low), scale.percent(high), top + 26
    return [
        f'<text class="name{ours}" x="0" y="{top + 14}">{text(ratios.competitor_title(competitor))}</text>',
        f'<text class="value{ours}" x="100%" y="{top + 14}" text-anchor="end">{text(number)}</text>',
        f'<rect class="{kind(competitor)}" x="0" y="{top + 21}" width="{scale.percent(middle):.2f}%" height="10"/>',
        f'<line class="whisker" x1="{left:.2f}%" x2="{right:.2f}%" y1="{y}" y2="{y}"/>',
        *(f'<line class="whisker" x1="{x:.2f}%" x2="{x:.2f}%" y1="{y - 4}" y2="{y + 4}"/>' for x in (left, right)),
    ]


def row(scale, top, competitor, points, written, noise):
    return [*(upright("grid", scale.percent(tick), top) for tick in scale.ticks()),
            *bar(scale, top, competitor, points, written),
            *noise_band(scale, top, noise), upright("one", scale.percent(1), top)]


def described(table, workload, rows):
    said = [f"fanout {table.written(workload, ratios.FANOUT)}"]
    said += [f"{ratios.competitor_title(competitor)} {ratios.write_ratio(points[1])} times as much"
             for competitor, points in rows if competitor != ratios.FANOUT]
    return "; ".join(said) + "."


def chart(table, workload, identity):
    """One workload: an SVG that names and describes itself."""
    rows = [(competitor, relative(table, workload, competitor))
            for competitor in table.competitors if table.series(workload, competitor)]
    scale = Scale([1.0, *(point for _, points in rows for point in points if point > 0)])
    height = ROW * len(rows)
    title = f"{table.question}, {workload}: {ratios.measure_title(table.measure)} relative to fanout"
    parts = [
        f'<svg role="img" height="{height + AXIS}" aria-labelledby="{identity}-title {identity}-desc">',
        f'<title id="{identity}-title">{text(title)}</title>',
        f'<desc id="{identity}-desc">{text(described(table, workload, rows))}</desc>',
    ]
    for rank, (competitor, points) in enumerate(rows):
        written = table.written(workload, competitor)
        parts += row(scale, rank * ROW, competitor, points, written, table.noise_percent(workload))
    parts += [*tick_labels(scale, height), "</svg>"]
    return "\n".join(parts), scale.is_log


def panel(table, workload, identity):
    ours = table.series(workload, ratios.FANOUT)
    if not ours:
        return f"<div><h3>{text(workload)}</h3><p>fanout was not measured here: nothing to compare.</p></div>"
    present = [competitor for competitor in table.competitors if table.series(workload, competitor)]
    lowest = min(min(table.series(workload, competitor)) for competitor in present)
    if ratios.median(ours) <= 0 or lowest < 0:  # nothing is a multiple of zero, and a bar cannot be less than nothing
        values = [f"{ratios.competitor_title(each)} {table.written(workload, each)}" for each in present]
        return f"<div><h3>{text(workload)}</h3><p>{text('; '.join(values))}</p></div>"
    drawn, is_log = chart(table, workload, identity)
    note = ' <span class="quiet">(log scale)</span>' if is_log else ""
    return f"<div><h3>{text(workload)}{note}</h3>\n{drawn}</div>"


# ---- The page ----

def numbers(table):
    """The same as a table, for those who do not see the chart or want the digits."""
    head = "".join(f'<th scope="col">{text(workload)}</th>' for workload in table.workloads)
    rows = []
    for competitor in table.competitors:
        cells = "".join(f"<td>{text(bench_markdown.cell(table, workload, competitor)).replace('**', '')}</td>"
                        for workload in table.workloads)
        rows.append(f'<tr><th scope="row">{text(ratios.competitor_title(competitor))}</th>{cells}</tr>')
    return (f"<details><summary>The numbers: fanout / competitor, below 1 fanout is faster</summary>"
            f'<div class="wide" tabindex="0"><table><thead><tr><td></td>{head}</tr></thead>\n'
            f"<tbody>{''.join(rows)}</tbody></table></div></details>")


def figure(table, identity):
    panels = "\n".join(panel(table, workload, f"{identity}-{rank}") for rank, workload in enumerate(table.workloads))
    measure = ratios.measure_title(table.measure)
    better = "slower" if table.measure is None else "more"
    caption = f"{measure.capitalize()} relative to fanout: longer than 1× is {better} than fanout."
    return (f"<figure>\n<figcaption>{text(caption)}</figcaption>\n"
            f'<div class="panels">\n{panels}\n</div>\n</figure>\n{numbers(table)}')


def section(question):
    identity = "".join(letter if letter.isalnum() else "-" for letter in question["question"])
    figures = "\n".join(figure(table, f"{identity}-{rank}") for rank, table in enumerate(ratios.tables(question)))
    about = bench_data.sentence(question["question"])
    return (f'<section aria-labelledby="{identity}">\n<h2 id="{identity}">{text(question["question"])}</h2>\n'
            f"<p>{text(about)}</p>\n{figures}\n</section>")


def head(report):
    facts = bench_markdown.facts(report)
    rows = "\n".join(f"<dt>{text(label)}</dt><dd>{with_code(value)}</dd>" for label, value in facts)
    key = "\n".join(f'<li><svg aria-hidden="true">{mark}</svg>{text(says)}</li>' for mark, says in KEY)
    missing = ""
    if report["skipped"]:
        missing += f"<p>Left out of this build: {text('; '.join(report['skipped']))}.</p>\n"
    if report["failed"]:
        names = text(", ".join(report["failed"]))
        missing += f'<p class="warning">Not measured, because the program failed: {names}.</p>\n'
    return (f"<h1>fanout beside its competitors</h1>\n"
            f"<p>Everybody does the same work in the same run. Each bar is a median of all repetitions; "
            f"<strong>a shorter bar is better</strong>, and the line at 1× is fanout. What lies within the shaded band "
            f"is no difference.</p>\n<ul class=\"key\">\n{key}\n</ul>\n<dl>\n{rows}\n</dl>\n{missing}")


def document(report):
    sections = "\n".join(map(section, report["questions"]))
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>Benchmarks of fanout</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f"<header>\n{head(report)}</header>\n<main>\n{sections}\n</main>\n</body>\n</html>\n")
