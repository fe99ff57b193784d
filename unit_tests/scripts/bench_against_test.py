"""How scripts/bench_against runs two builds in turn, and what it computes from their times: programs that a few lines make up
stand for the benchmarks."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))

import bench_against  # noqa: E402

# A program of Google Benchmark's kind: BENCHMARKS is {name: nanoseconds, or what it does instead}, LOG gets a line a run.
PROGRAM = """#!{python}
import json, os, re, sys, time
benchmarks, skipped = {benchmarks!r}, {skipped!r}
options = dict(each.lstrip("-").split("=", 1) for each in sys.argv[1:])
for line in skipped:
    print("skipping", line, file=sys.stderr)
if "benchmark_list_tests" in options:
    print("\\n".join(benchmarks))
    sys.exit(0)
name, = [name for name in benchmarks if re.search(options["benchmark_filter"], name)]
with open({log!r}, "a") as log:
    print({build!r}, name, os.environ.get("FANOUT_BENCH_NS_PER_LINK"), file=log)
does = benchmarks[name]
if does == "hang":
    time.sleep(60)
if does == "throw":
    print("terminate called after throwing an instance of 'error'\\n  what():  no threads", file=sys.stderr, flush=True)
    os.abort()
runs = [dict(name=name, run_name=name, real_time=does, time_unit="ns")] * int(options["benchmark_repetitions"])
if does == "fail":
    runs = [dict(name=name, error_occurred=True, error_message="wrong results")]
with open(options["benchmark_out"], "w") as out:
    json.dump(dict(context=dict(ns_per_link="1.5"), benchmarks=runs), out)
sys.exit(does == "fail")
"""


class WithPrograms(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.log = self.directory / "log"

    def program(self, build, benchmarks, skipped=(), question="pool"):
        path = self.directory / build / f"bench_{question}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(PROGRAM.format(python=sys.executable, benchmarks=benchmarks, skipped=list(skipped), build=build,
                                       log=str(self.log)), encoding="utf-8")
        path.chmod(0o755)

    def run_it(self, *options, questions=("pool",)):
        """The exit code and the table."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            code = bench_against.main(["run", f"--before={self.directory / 'before'}", "--commit=0123456789abcdef",
                                       f"--after={self.directory / 'after'}", f"--raw={self.directory / 'raw'}",
                                       "--rounds=2", "--repetitions=3", *options, *questions])
        return code, printed.getvalue()

    def rows(self, text):
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
        return {line[0]: line[1:] for line in cells if "/" in line[0]}

    def measured(self, *options):
        code, text = self.run_it(*options)
        self.assertEqual(code, 0)
        return self.rows(text), text


class BenchAgainst(WithPrograms):
    def test_compares_the_two_builds_and_oneTBB(self):
        self.program("before", {"lend/fanout/real_time": 200, "lend/tbb_parallel_for/real_time": 1})
        self.program("after", {"lend/fanout/real_time": 100, "lend/fanout_again/real_time": 7,
                               "lend/std_thread_pool/real_time": 7, "lend/tbb_parallel_for/real_time": 50})
        rows, _ = self.measured()
        self.assertEqual(rows, {"lend/fanout": ["200 ns", "100 ns", "0.500 ± 0.0 %", "50.0 ns", "2.000 ± 0.0 %"]})

    def test_runs_them_in_turn_with_the_same_work_after_a_round_that_does_not_count(self):
        benchmarks = {"lend/fanout/real_time": 200, "lend/fanout_in_place/real_time": 100,
                      "lend/tbb_parallel_for/real_time": 1}
        self.program("before", benchmarks)
        self.program("after", benchmarks)
        self.measured()
        lines = self.log.read_text(encoding="utf-8").splitlines()
        a_round = ["before lend/fanout/real_time 1.5", "after lend/fanout/real_time 1.5",
                   "after lend/tbb_parallel_for/real_time 1.5", "before lend/fanout_in_place/real_time 1.5",
                   "after lend/fanout_in_place/real_time 1.5"]
        self.assertEqual(lines[0], "before lend/fanout/real_time None")
        self.assertEqual(lines[1:], (3 * a_round)[1:])

    def test_says_by_which_competitor_oneTBB_is_stood_for_where_it_is_not_the_usual_one(self):
        self.program("before", {"lend/fanout": 100})
        self.program("after", {"lend/fanout": 100, "lend/tbb_queue": 50})
        rows, _ = self.measured()
        self.assertEqual(rows["lend/fanout"][3:], ["50.0 ns (queue)", "2.000 ± 0.0 %"])

    def test_leaves_out_what_the_filter_does_not_find(self):
        benchmarks = {"lend/fanout": 1, "wait/fanout": 1, "wait/fanout_in_place": 1}
        self.program("before", benchmarks)
        self.program("after", benchmarks)
        rows, _ = self.measured("--filter=^pool/wait/fanout$")
        self.assertEqual(list(rows), ["wait/fanout"])
        self.assertEqual(self.run_it("--filter=nothing")[0], 1)

    def test_reports_what_one_build_leaves_out_with_its_reason(self):
        self.program("before", {"lend/fanout": 1}, ["big/fanout: a concurrency of 1000 is more than the 257 there are"])
        self.program("after", {"lend/fanout": 1, "big/fanout": 1, "new/fanout": 1})
        rows, text = self.measured()
        self.assertEqual(rows["big/fanout"][:3], ["not possible", "1.00 ns", "–"])
        self.assertIn("* pool: big/fanout, before: not possible, a concurrency of 1000 is more than the 257 there are",
                      text)
        self.assertIn("* pool: new/fanout, before: not possible, there is no such benchmark", text)
        self.assertEqual(rows["lend/fanout"][2], "1.000 ± 0.0 %")

    def test_reports_what_throws_what_fails_and_what_hangs_and_goes_on(self):
        self.program("before", {"a/fanout": "throw", "b/fanout": "fail", "c/fanout": "hang", "d/fanout": 4})
        self.program("after", {"a/fanout": 1, "b/fanout": 1, "c/fanout": 1, "d/fanout": 1, "d/tbb_x": "throw"})
        rows, text = self.measured("--timeout=1")
        self.assertEqual([rows[name][0] for name in ("a/fanout", "b/fanout", "c/fanout")], 3 * ["not possible"])
        self.assertEqual(rows["d/fanout"], ["4.00 ns", "1.00 ns", "0.250 ± 0.0 %", "not possible", "–"])
        self.assertIn("a/fanout, before: not possible, no threads", text)
        self.assertIn("b/fanout, before: not possible, wrong results", text)
        self.assertIn("c/fanout, before: not possible, it had not ended after 1 s", text)
        self.assertEqual(self.log.read_text(encoding="utf-8").count("before c/fanout"), 1)

    def test_reports_a_question_that_cannot_be_built_with_the_other_library(self):
        self.program("after", {"lend/fanout": 1})
        rows, text = self.measured()
        self.assertEqual(rows["lend/fanout"][:3], ["not possible", "1.00 ns", "–"])
        self.assertIn("before: not possible, the question cannot be built with this library", text)

    def test_fails_where_nothing_was_measured(self):
        self.program("before", {"lend/fanout": "throw"})
        self.program("after", {"lend/fanout": "throw"})
        self.assertEqual(self.run_it()[0], 1)

    def test_takes_a_name_as_it_is_and_not_as_an_expression(self):
        benchmarks = {"a.b/fanout": 1, "axb/fanout": 2}
        self.program("before", benchmarks)
        self.program("after", benchmarks)
        self.assertEqual(self.measured()[0]["a.b/fanout"][0], "1.00 ns")


class ARow(unittest.TestCase):
    def test_takes_the_median_of_the_rounds_ratios_not_the_ratio_of_all(self):
        row = bench_against.Row("pool", "lend", "fanout", None)
        row.rounds["before"] = [[100, 100, 900], [200], [1000]]
        row.rounds["after"] = [[50], [100], [100]]
        self.assertEqual(row.cells()[1:4], ["200 ns", "100 ns", "0.500 ± 20.0 %"])


if __name__ == "__main__":
    unittest.main()
