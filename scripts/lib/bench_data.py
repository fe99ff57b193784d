"""What bench_<question> wrote becomes one report, whose schema is in bench_report.py; damaged files are refused."""

import json
import math
import pathlib
import re

SCHEMA = "fanout-bench"
VERSION = 1

NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}

# What Google Benchmark itself appends to a name.
SUFFIX = re.compile(r"^(real_time|process_time|manual_time|(iterations|repeats|min_time|min_warmup_time|threads):.*)$")

# What Google Benchmark writes of each run; any other number is a counter of the program.
OWN_KEYS = {"family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations",
            "real_time", "cpu_time"}

# The questions in the order of the reports: the sentence for each, and a word in the names of the counters that come
# before the time.
QUESTIONS = {
    "overhead": ("What a task costs, for tasks of several lengths.", None),
    "latency": ("How long a small batch takes from the call to its return.", None),
    "balance": ("How well the threads share tasks of unequal length.", None),
    "blocking": ("How batches fare whose tasks sleep or wait, with more of them in flight than there are cores.", None),
    "nested": ("What it costs when tasks run batches of their own.", None),
    "scope": ("What it costs to add a task to others that run already.", None),
    "progress": ("What it costs to be told how far a batch is.", None),
    "results": ("What it costs to hand results back, by their type.", None),
    "pool": ("What it costs to lend a resource of a pool to a task.", None),
    "memory": ("How much memory a batch takes at its peak.", "bytes"),
    "scaling": ("How the time changes with the number of threads.", None),
    "compile": ("How long the compiler takes for a file that includes the library.", None),
}


class ReportError(Exception):
    """An input that no report can be made of. The message says which, and why."""


def sentence(question):
    return QUESTIONS.get(question, ("", None))[0]


def read_json(path):
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ReportError(f"{path} is not text") from None
    if not text.strip():
        raise ReportError(f"{path} is empty: the program ended before it wrote anything")
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ReportError(f"{path} is not JSON, or only a part of it: {error}") from None


# ---- What a program wrote ----

def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def split_name(name):
    """'empty/tbb/real_time' → ('empty', 'tbb'), or None."""
    parts = name.split("/")
    while len(parts) > 2 and SUFFIX.match(parts[-1]):
        parts.pop()
    workload, competitor = parts[0], "/".join(parts[1:])
    return (workload, competitor) if workload and competitor else None


def check_run(path, run):
    """One repetition as (workload, competitor, nanoseconds)."""
    name = run.get("run_name", run.get("name"))
    if not isinstance(name, str):
        raise ReportError(f"{path}: a benchmark without a name")
    if run.get("error_occurred"):
        raise ReportError(f"{path}: {name} failed: {run.get('error_message') or 'no reason given'}")
    names = split_name(name)
    if names is None:
        raise ReportError(f"{path}: {name} is not named <workload>/<competitor>")
    time, unit = run.get("real_time"), run.get("time_unit", "ns")
    if not is_number(time) or time < 0 or unit not in NANOSECONDS:
        raise ReportError(f"{path}: {name} has no usable time: {time!r} {unit}")
    return (*names, time * NANOSECONDS[unit])


def counters_of(path, run):
    counters = {}
    for key, value in run.items():
        if key in OWN_KEYS or not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        if not is_number(value):
            raise ReportError(f"{path}: {run.get('name')} counts {key} as {value}")
        counters[key] = float(value)
    return counters


def place(run):
    """Random interleaving writes the benchmarks in random order; the index of the family is that of the program."""
    return tuple(value if is_number(value) else math.inf
                 for value in (run.get("family_index"), run.get("per_family_instance_index")))


def collect(path, runs):
    """The measurements, by the order in which the program registered the workloads, then the competitors."""
    found, places = {}, {}
    for run in runs:
        workload, competitor, nanoseconds = check_run(path, run)
        measurement = found.setdefault(
            (workload, competitor), {"workload": workload, "competitor": competitor, "ns": [], "counters": {}})
        measurement["ns"].append(nanoseconds)
        for name, value in counters_of(path, run).items():
            measurement["counters"].setdefault(name, []).append(value)
        for key in (workload, (workload, competitor)):
            places[key] = min(places.get(key, (math.inf, math.inf)), place(run))
    return sorted(found.values(),
                  key=lambda each: (places[each["workload"]], places[each["workload"], each["competitor"]]))


def read_raw(path):
    """A question of the report."""
    raw = read_json(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("benchmarks"), list):
        raise ReportError(f"{path} is not what Google Benchmark writes: it has no list of benchmarks")
    runs = raw["benchmarks"]
    if not all(isinstance(run, dict) for run in runs):
        raise ReportError(f"{path} is not what Google Benchmark writes: a benchmark is not an object")
    measurements = collect(path, [run for run in runs if run.get("run_type", "iteration") == "iteration"])
    if not measurements:
        raise ReportError(f"{path} holds no measurement")
    context = raw.get("context")
    load = context.get("load_avg") if isinstance(context, dict) else None
    if not isinstance(load, list) or not all(is_number(each) for each in load):
        load = []
    return {"question": pathlib.Path(path).stem, "load_average": load, "measurements": measurements}


# ---- The report ----

def merge(facts, raws, failed):
    if not raws:
        raise ReportError("nothing was measured" + (f": {', '.join(failed)} failed" if failed else ""))
    if not isinstance(facts, dict):
        raise ReportError("the facts about machine and build are no object")
    ranks = {question: rank for rank, question in enumerate(QUESTIONS)}
    questions = sorted((read_raw(raw) for raw in raws),
                       key=lambda each: (ranks.get(each["question"], len(ranks)), each["question"]))
    parts = {part: facts.get(part) for part in ("run", "machine", "build")}
    return {"schema": SCHEMA, "version": VERSION, **parts, "skipped": facts.get("skipped"), "failed": sorted(failed),
            "questions": questions}


def series_is_sound(value):
    return isinstance(value, list) and bool(value) and all(is_number(each) for each in value)


def measurement_is_sound(value):
    return (isinstance(value, dict) and isinstance(value.get("workload"), str)
            and isinstance(value.get("competitor"), str) and series_is_sound(value.get("ns"))
            and isinstance(value.get("counters"), dict) and all(map(series_is_sound, value["counters"].values())))


def question_is_sound(value):
    return (isinstance(value, dict) and isinstance(value.get("question"), str)
            and isinstance(value.get("measurements"), list) and bool(value["measurements"])
            and all(map(measurement_is_sound, value["measurements"])))


def validate(report, path):
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise ReportError(f"{path} is not a report of scripts/bench")
    if report.get("version") != VERSION:
        raise ReportError(f"{path} is version {report.get('version')} of the report, and this reads version {VERSION}")
    for part in ("run", "machine", "build"):
        if not isinstance(report.get(part), dict):
            raise ReportError(f"{path} is damaged: {part} is missing")
    for part in ("skipped", "failed"):
        if not isinstance(report.get(part), list) or not all(isinstance(each, str) for each in report[part]):
            raise ReportError(f"{path} is damaged: {part} is not a list of texts")
    questions = report.get("questions")
    if not isinstance(questions, list) or not questions:
        raise ReportError(f"{path} holds no question")
    for rank, question in enumerate(questions):
        if not question_is_sound(question):
            raise ReportError(f"{path} is damaged: question {rank + 1} is not as the schema says")
    return report


def read_report(path):
    return validate(read_json(path), path)
