"""Runs the benchmarks of two builds of fanout in turn, for scripts/bench_against, and prints how they compare.

    bench_against.py filter REGEX
    bench_against.py run --before DIR --after DIR --raw DIR --commit REV [--filter REGEX] [--rounds N]
                         [--repetitions N] [--timeout SECONDS] [--output FILE] QUESTION…

DIR holds the programs bench_<question>; one that is missing could not be built. `filter` only says by its exit code
whether that is a regular expression. The exit code of `run` is 0 if something was measured: what one of the two cannot
do is in the table. A wrong command line is 2.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

import bench_data  # noqa: E402
import bench_facts  # noqa: E402
import bench_ratios  # noqa: E402

NOT_POSSIBLE = "not possible"
BEFORE, AFTER, TBB = "before", "after", "tbb"
USUAL_TBB = "tbb_parallel_for"
NS_PER_LINK = "FANOUT_BENCH_NS_PER_LINK"


class NotPossible(Exception):
    """A program, or one of its benchmarks, that gives no result. The message says why."""


# ---- One program ----

def last_words(text):
    """The line of what a program wrote that says best why it ended."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("what():")]
    return (said or lines or [""])[-1].removeprefix("what():").strip()


def how_it_ended(code):
    return f"it was ended by signal {-code}" if code < 0 else f"it ended with {code}"


class Program:
    """bench_<question> of one build, or the reason why there is none."""

    def __init__(self, directory, question):
        self.path = pathlib.Path(directory, f"bench_{question}")
        self.names = {}  # (workload, competitor): the whole name
        self.reasons = {}  # "workload/competitor": why it is left out
        self.missing = None
        try:
            self._list()
        except NotPossible as error:
            self.missing = str(error)

    def _list(self):
        if not self.path.is_file():
            raise NotPossible("the question cannot be built with this library")
        try:
            ended = subprocess.run([self.path, "--benchmark_list_tests=true"], capture_output=True, text=True,
                                   errors="replace", timeout=120, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotPossible(f"the program cannot be run: {error}") from None
        if ended.returncode != 0:
            raise NotPossible(f"{how_it_ended(ended.returncode)}: {last_words(ended.stderr)}")
        for name in ended.stdout.split():
            parts = bench_data.split_name(name)
            if parts:
                self.names[parts] = name
        self.reasons = dict(re.findall(r"^skipping (\S+/\S+): (.*)$", ended.stderr, re.MULTILINE))

    def run(self, benchmark, raw, repetitions, timeout, environment):
        """The nanoseconds of each repetition of (workload, competitor), and how long a link took."""
        if self.missing:
            raise NotPossible(self.missing)
        if benchmark not in self.names:
            raise NotPossible(self.reasons.get("/".join(benchmark), "there is no such benchmark"))
        raw.unlink(missing_ok=True)  # what an earlier run left must not pass for this one's
        exactly = re.sub(r"([.^$*+?()\[\]{}|\\])", r"\\\1", self.names[benchmark])
        command = [self.path, f"--benchmark_filter=^{exactly}$", f"--benchmark_repetitions={repetitions}",
                   f"--benchmark_out={raw}", "--benchmark_out_format=json"]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                                   env={**os.environ, **environment}, check=False)
        except subprocess.TimeoutExpired:
            raise NotPossible(f"it had not ended after {timeout} s") from None
        try:
            if ended.returncode < 0:
                raise bench_data.ReportError(last_words(ended.stderr) or how_it_ended(ended.returncode))
            found = bench_data.read_raw(raw)["measurements"]
        except (bench_data.ReportError, OSError) as error:
            reason = str(error).removeprefix(f"{raw}: ").removeprefix(f"{self.names[benchmark]} failed: ")
            raise NotPossible(reason) from None
        return found[0]["ns"], bench_data.read_json(raw).get("context", {}).get("ns_per_link")


# ---- A row of the table ----

def per_round(numerator, denominator):
    """The quotients of the medians of each round that has both."""
    return [bench_ratios.median(ours) / bench_ratios.median(theirs)
            for ours, theirs in zip(numerator, denominator) if bench_ratios.median(theirs) > 0]


def write_per_round(quotients):
    if not quotients:
        return "–"
    middle = bench_ratios.median(quotients)
    low, high = bench_ratios.quartiles(quotients)
    spread = 50 * (high - low) / middle if middle else 0.0
    return f"{bench_ratios.write_ratio(middle)} ± {spread:.1f} %"


class Row:
    """A workload with one way to call fanout, before and after, beside oneTBB."""

    def __init__(self, question, workload, competitor, reference):
        self.question, self.workload, self.competitor, self.reference = question, workload, competitor, reference
        self.rounds = {BEFORE: [], AFTER: [], TBB: []}  # of each round the nanoseconds of the repetitions
        self.reasons = {}  # by side

    def refuse(self, side, reason):
        """It is not run again, and what it gave in earlier rounds does not count."""
        self.rounds[side] = []
        self.reasons[side] = reason

    def benchmark(self, side):
        return self.workload, (self.reference if side == TBB else self.competitor)

    def written(self, side):
        if side in self.reasons:
            return NOT_POSSIBLE
        series = [each for one_round in self.rounds[side] for each in one_round]
        return bench_ratios.write_time(bench_ratios.median(series)) if series else "–"

    def cells(self):
        tbb = self.written(TBB)
        if tbb not in ("–", NOT_POSSIBLE) and self.reference != USUAL_TBB:
            tbb += f" ({self.reference.removeprefix('tbb_')})"
        return [f"{self.workload}/{self.competitor}", self.written(BEFORE), self.written(AFTER),
                write_per_round(per_round(self.rounds[AFTER], self.rounds[BEFORE])), tbb,
                write_per_round(per_round(self.rounds[AFTER], self.rounds[TBB]))]


def reference_for(names, workload):
    """What stands for oneTBB in a workload, or None."""
    there = [competitor for where, competitor in names if where == workload and competitor.startswith("tbb")]
    return USUAL_TBB if USUAL_TBB in there else next(iter(there), None)


def rows_of(question, before, after, pattern):
    """All that fanout takes part in, in the order of the present program."""
    found = []
    left_out = [tuple(each.split("/", 1)) for program in (after, before) for each in program.reasons]
    for workload, competitor in dict.fromkeys([*after.names, *before.names, *left_out]):
        if not competitor.startswith(bench_ratios.FANOUT) or competitor == bench_ratios.AGAIN:
            continue
        if pattern.search(f"{question}/{workload}/{competitor}"):
            found.append(Row(question, workload, competitor, reference_for(after.names, workload)))
    order = list(dict.fromkeys(workload for workload, _ in [*after.names, *before.names]))
    return sorted(found, key=lambda row: order.index(row.workload) if row.workload in order else len(order))


# ---- All of them ----

class Measuring:
    def __init__(self, arguments):
        self.arguments = arguments
        self.environment = {}
        self.programs = {}
        self.rows = []
        pattern = re.compile(arguments.filter)
        for question in arguments.questions:
            before, after = Program(arguments.before, question), Program(arguments.after, question)
            self.programs[question] = {BEFORE: before, AFTER: after, TBB: after}
            self.rows += rows_of(question, before, after, pattern)

    def round(self):
        """In a row each side once, one after the other; oneTBB once for all rows of a workload."""
        shared = {}
        for row in self.rows:
            for side in (BEFORE, AFTER, TBB):
                if side in row.reasons or (side == TBB and row.reference is None):
                    continue
                key = (row.question, row.workload)
                if side == TBB and key in shared:
                    row.rounds[TBB].append(shared[key])
                    continue
                try:
                    times = self._run(row, side)
                except NotPossible as error:
                    for each in self._with_the_same(row, side):
                        each.refuse(side, str(error))
                    continue
                row.rounds[side].append(times)
                if side == TBB:
                    shared[key] = times

    def _with_the_same(self, row, side):
        """The rows that this run is for."""
        if side != TBB:
            return [row]
        return [each for each in self.rows if (each.question, each.workload) == (row.question, row.workload)]

    def _run(self, row, side):
        raw = pathlib.Path(self.arguments.raw, f"{row.question}.json")
        times, per_link = self.programs[row.question][side].run(
            row.benchmark(side), raw, self.arguments.repetitions, self.arguments.timeout, self.environment)
        if per_link:
            self.environment.setdefault(NS_PER_LINK, str(per_link))  # all that follow do the same work
        return times

    def warm_up(self):
        """A first round that is thrown away: it finds what is not possible, and how long a link takes."""
        self.round()
        for row in self.rows:
            row.rounds = {side: [] for side in row.rounds}


def table(rows):
    """Markdown whose columns stand below each other, a heading for each question, and the reasons."""
    head = ["workload", BEFORE, AFTER, "after / before", TBB, "after / tbb"]
    lines = []
    for question in dict.fromkeys(row.question for row in rows):
        cells = [row.cells() for row in rows if row.question == question]
        widths = [max(len(line[column]) for line in [head, *cells]) for column in range(len(head))]

        def write(line):
            padded = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
            return f"| {' | '.join(padded)} |"

        rule = f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (width + 1) + ':' for width in widths[1:])}|"
        lines += [f"**{question}**", "", write(head), rule, *map(write, cells), ""]
    reasons = [f"* {row.question}: {'/'.join(row.benchmark(side))}, {side}: {NOT_POSSIBLE}, {reason}"
               for row in rows for side, reason in row.reasons.items()]
    return "\n".join([*lines, *dict.fromkeys(reasons)]).rstrip() + "\n"


def title(arguments):
    repository = pathlib.Path(__file__).resolve().parents[2]
    now = bench_facts.run(repository, "")
    machine = bench_facts.machine(" ".join(bench_facts.text_of("/proc/loadavg").split()[:3]))
    dirty = " and what is not committed" if now["dirty"] is True else ""
    return (f"before {arguments.commit[:12]}, after {now['commit'][:12]}{dirty}; {arguments.rounds} rounds of "
            f"{arguments.repetitions} repetitions; {machine['cpu']}, {machine['cores']} cores, load before "
            f"{machine['load_average']}; {now['date']}\n\n")


def run(arguments):
    above = title(arguments)
    pathlib.Path(arguments.raw).mkdir(parents=True, exist_ok=True)
    measuring = Measuring(arguments)
    if not measuring.rows:
        print("bench_against: fanout takes part in nothing of that name", file=sys.stderr)
        return 1
    print("warming up", file=sys.stderr, flush=True)
    measuring.warm_up()
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
        measuring.round()
    text = above + table(measuring.rows)
    print(text, end="")
    if arguments.output:
        pathlib.Path(arguments.output).write_text(text, encoding="utf-8")
    return 0 if any(row.rounds[BEFORE] or row.rounds[AFTER] for row in measuring.rows) else 1


def is_filter(arguments):
    try:
        re.compile(arguments.regex)
    except re.error:
        return 1
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="bench_against.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    of_filter = commands.add_parser("filter", help="exit 1 unless REGEX is a regular expression")
    of_filter.set_defaults(run=is_filter)
    of_filter.add_argument("regex")
    of_run = commands.add_parser("run", help="measure and print the table")
    of_run.set_defaults(run=run)
    for option in ("--before", "--after", "--raw", "--commit"):
        of_run.add_argument(option, required=True)
    of_run.add_argument("--filter", default="")
    of_run.add_argument("--output")
    for option, usual in (("--rounds", 7), ("--repetitions", 3), ("--timeout", 120)):
        of_run.add_argument(option, type=int, default=usual)
    of_run.add_argument("questions", nargs="+", metavar="QUESTION")
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse(argv)
    try:
        return arguments.run(arguments)
    except (bench_data.ReportError, OSError) as error:
        print(f"bench_against.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
