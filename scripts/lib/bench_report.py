"""Makes the reports of scripts/bench: one JSON from what the programs wrote, a Markdown table and a page from that.

    bench_report.py facts --build DIR --repository DIR --configured LOG --load "1 5 15" --command TEXT --output FACTS
    bench_report.py check RAW…
    bench_report.py merge --facts FACTS --output REPORT [--failed QUESTION]… RAW…
    bench_report.py markdown REPORT --output FILE
    bench_report.py page REPORT --output FILE

RAW is what bench_<question> wrote with --benchmark_out, and is named <question>.json. Whatever is wrong with an input
is told in one line, and the exit code is 1; a wrong command line is 2.

REPORT, version 1. Times are in nanoseconds of one iteration, a number for each repetition. Nothing in it names the host
or an absolute path.

    {
      "schema": "fanout-bench", "version": 1,
      "run":     {"date": "2026-01-31T12:00:00Z", "command": "scripts/bench pool", "commit": "01ab…", "dirty": false},
      "machine": {"cpu": "…", "cores": 2, "affinity": "0-1", "quota": "none", "governor": "unknown",
                  "load_average": "0.10 0.20 0.30", "memory_gib": 23.5, "kernel": "Linux 6.1"},
      "build":   {"compiler": "…", "flags": "-O3 …", "onetbb": "2021.8.0", "google_benchmark": "1.7.1"},
      "skipped": ["dispenso: not in PREFIX"],
      "failed":  ["latency"],
      "questions": [
        {"question": "pool",
         "load_average": [0.5, 0.4, 0.3],
         "measurements": [
           {"workload": "alone", "competitor": "fanout", "ns": [39190.1, …], "counters": {"peak_bytes": [4096.0, …]}}
         ]}
      ]
    }

"load_average" of the machine is from before the build, that of a question from when its program started. "skipped" is
what CMake said of competitors that it left out, "failed" names the questions whose program failed. Questions come in
the order of the documentation, workloads in that of the program. Of a counter less is better, except for rates, whose
names end in _per_second. A fact that cannot be found is "unknown".
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

import bench_data  # noqa: E402
import bench_facts  # noqa: E402
import bench_markdown  # noqa: E402
import bench_page  # noqa: E402


def write(path, text):
    pathlib.Path(path).write_text(text, encoding="utf-8")


def write_json(path, value):
    write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def facts(arguments):
    found = bench_facts.gather(arguments.build, arguments.repository, arguments.load, arguments.command)
    write_json(arguments.output, {**found, "skipped": bench_facts.skipped(arguments.configured)})


def check(arguments):
    for raw in arguments.raw:
        bench_data.read_raw(raw)


def merge(arguments):
    merged = bench_data.merge(bench_data.read_json(arguments.facts), arguments.raw, arguments.failed)
    bench_data.validate(merged, arguments.output)
    write_json(arguments.output, merged)


def markdown(arguments):
    write(arguments.output, bench_markdown.document(bench_data.read_report(arguments.report)))


def page(arguments):
    write(arguments.output, bench_page.document(bench_data.read_report(arguments.report)))


def parse(argv):
    about_it, schema = __doc__.splitlines()[0], "The head of this file has the schema."
    parser = argparse.ArgumentParser(prog="bench_report.py", description=about_it, epilog=schema)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, about, *positional):
        added = commands.add_parser(run.__name__, help=about, description=about)
        added.set_defaults(run=run)
        for name, count in positional:
            added.add_argument(name, nargs=count)
        return added

    of_facts = command(facts, "find out what machine and what build this is")
    for option in ("--build", "--repository", "--configured", "--load", "--command", "--output"):
        of_facts.add_argument(option, required=True)
    command(check, "exit 1 unless each file holds measurements and no error", ("raw", "+"))
    of_merge = command(merge, "put facts and raw results into one report", ("raw", "*"))
    of_merge.add_argument("--facts", required=True)
    of_merge.add_argument("--failed", action="append", default=[], metavar="QUESTION")
    of_merge.add_argument("--output", required=True)
    for run, about in ((markdown, "draw the report as Markdown"), (page, "draw the report as a page with charts")):
        command(run, about, ("report", None)).add_argument("--output", required=True)
    return parser.parse_args(argv)


def main(argv=None):
    arguments = parse(argv)
    try:
        arguments.run(arguments)
    except (bench_data.ReportError, OSError) as error:
        print(f"bench_report.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
