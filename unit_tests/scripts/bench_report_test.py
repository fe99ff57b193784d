"""What the reports of scripts/bench compute, on small results that are written here."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "lib"))

import bench_data  # noqa: E402
import bench_facts  # noqa: E402
import bench_ratios  # noqa: E402
import bench_report  # noqa: E402

FACTS = {"run": {"command": "scripts/bench", "date": "2026-01-31T12:00:00Z", "commit": "0123abcd", "dirty": False},
         "machine": {"cpu": "A & B <C>", "cores": 2}, "build": {"compiler": "g++", "flags": "-O3"},
         "skipped": ["peer: not in PREFIX"]}


def runs(name, times, family=0, unit="ns", **counters):
    return [{"name": name, "run_name": name, "run_type": "iteration", "family_index": family,
             "per_family_instance_index": 0, "repetition_index": rank, "iterations": 10, "threads": 1,
             "real_time": time, "cpu_time": time, "time_unit": unit,
             **{counter: values[rank] for counter, values in counters.items()}} for rank, time in enumerate(times)]


def raw(*benchmarks, **context):
    return {"context": {"host_name": "secret-host", "executable": "/secret/bench", "load_avg": [1, 2, 3], **context},
            "benchmarks": [run for benchmark in benchmarks for run in benchmark]}


def sample():
    """fanout 100, once more 102, a faster, a slower and a reckoned one; the second workload has no pair."""
    return raw(
        runs("later/fanout/real_time", [10, 10, 10], family=9),
        runs("later/peer|one/real_time", [4000, 5000, 6000], family=10),
        runs("empty/slow/real_time", [0.2, 0.2, 0.2], family=4, unit="us"),
        runs("empty/fast/real_time", [80, 80, 80], family=3),
        runs("empty/ideal/real_time", [50, 50, 50], family=2),
        runs("empty/fanout_again/real_time", [102, 102, 102], family=1),
        runs("empty/fanout/iterations:1/manual_time", [98, 100, 102], family=0),
    )


class WithFiles(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def file(self, name, content):
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def command(self, *arguments):
        """The exit code and what was said on the error stream."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            code = bench_report.main([str(argument) for argument in arguments])
        return code, said.getvalue()

    def report(self, content=None, name="overhead.json", failed=()):
        path = self.file(name, content or sample())
        return bench_data.validate(bench_data.merge(FACTS, [path], list(failed)), "merged")


class RawResults(WithFiles):
    def refuses(self, content, complaint):
        code, said = self.command("check", self.file("overhead.json", content))
        self.assertEqual(code, 1)
        self.assertIn(complaint, said)
        self.assertEqual(said.count("\n"), 1, said)

    def test_are_accepted_as_google_benchmark_writes_them(self):
        self.assertEqual(self.command("check", self.file("overhead.json", sample())), (0, ""))

    def test_that_are_missing_are_refused(self):
        code, said = self.command("check", self.directory / "nowhere.json")
        self.assertEqual((code, "No such file" in said), (1, True))

    def test_that_are_empty_are_refused(self):
        self.refuses("", "is empty")
        self.refuses({"context": {}, "benchmarks": []}, "holds no measurement")

    def test_that_are_cut_off_are_refused(self):
        self.refuses(json.dumps(sample())[:500], "only a part")

    def test_that_are_no_text_are_refused(self):
        path = self.directory / "overhead.json"
        path.write_bytes(b"\xff\xfe{}")
        code, said = self.command("check", path)
        self.assertEqual((code, "is not text" in said), (1, True))

    def test_of_another_shape_are_refused(self):
        for content in ([], 7, "null", {"benchmarks": 1}, {"benchmarks": [1]}, {"benchmarks": [{}]}):
            with self.subTest(content=content):
                self.refuses(json.dumps(content) if content != "null" else content, "overhead.json")

    def test_that_carry_an_error_are_refused_with_its_words(self):
        failing = runs("empty/tbb", [1])
        failing[0].update(error_occurred=True, error_message="wrong results")
        self.refuses(raw(runs("empty/fanout", [1]), failing), "empty/tbb failed: wrong results")

    def test_with_times_that_are_none_are_refused(self):
        for time in (-1, "fast", None, True, float("nan"), float("inf")):
            with self.subTest(time=time):
                self.refuses(raw(runs("empty/fanout", [time])), "no usable time")
        self.refuses(raw(runs("empty/fanout", [1], unit="h")), "no usable time")

    def test_with_counters_that_are_no_numbers_are_refused(self):
        self.refuses(raw(runs("empty/fanout", [1], peak_bytes=[float("nan")])), "counts peak_bytes as nan")

    def test_without_a_competitor_are_refused(self):
        self.refuses(raw(runs("empty", [1])), "not named <workload>/<competitor>")

    def test_leave_out_what_google_benchmark_has_summed_up(self):
        content = raw(runs("empty/fanout", [1, 2]))
        content["benchmarks"].append({"run_type": "aggregate", "name": "empty/fanout_median", "real_time": 99})
        self.assertEqual(self.report(content)["questions"][0]["measurements"][0]["ns"], [1, 2])

    def test_come_in_the_order_of_the_program_whatever_the_interleaving(self):
        measurements = self.report()["questions"][0]["measurements"]
        self.assertEqual([each["workload"] for each in measurements], ["empty"] * 5 + ["later"] * 2)
        self.assertEqual(measurements[0]["competitor"], "fanout")

    def test_become_nanoseconds(self):
        slow = [each for each in self.report()["questions"][0]["measurements"] if each["competitor"] == "slow"]
        self.assertEqual(slow[0]["ns"], [200.0] * 3)


class Reports(WithFiles):
    def test_name_neither_host_nor_path(self):
        output = self.directory / "all.json"
        arguments = ["merge", "--facts", self.file("facts.json", FACTS), "--output", output]
        self.assertEqual(self.command(*arguments, self.file("pool.json", sample())), (0, ""))
        self.assertNotIn("secret", output.read_text(encoding="utf-8"))
        self.assertNotIn(str(self.directory), output.read_text(encoding="utf-8"))

    def test_have_the_questions_in_the_order_of_the_documentation(self):
        paths = [self.file(name, sample()) for name in ("zeta.json", "pool.json", "overhead.json")]
        merged = bench_data.merge(FACTS, paths, [])
        self.assertEqual([each["question"] for each in merged["questions"]], ["overhead", "pool", "zeta"])

    def test_of_nothing_are_refused(self):
        facts = self.file("facts.json", FACTS)
        code, said = self.command("merge", "--facts", facts, "--output", self.directory / "o", "--failed", "pool")
        self.assertEqual((code, said), (1, "bench_report.py: nothing was measured: pool failed\n"))
        self.assertFalse((self.directory / "o").exists())

    def test_that_are_damaged_are_refused_by_both_drawers(self):
        good = self.report()
        for damage in ({"version": 2}, {"schema": "other"}, {"machine": None}, {"questions": []}, {"questions": [{}]},
                       {"failed": None}, {"skipped": [1]},
                       {"questions": [{"question": "a", "measurements": [{"ns": []}]}]}):
            path = self.file("report.json", {**good, **damage})
            for draw in ("markdown", "page"):
                with self.subTest(damage=damage, draw=draw):
                    code, said = self.command(draw, path, "--output", self.directory / "drawn")
                    self.assertEqual((code, said.count("\n")), (1, 1), said)
        self.assertFalse((self.directory / "drawn").exists())

    def test_are_drawn_by_both_drawers(self):
        path = self.file("report.json", self.report())
        for draw in ("markdown", "page"):
            self.assertEqual(self.command(draw, path, "--output", self.directory / draw), (0, ""))
            self.assertIn("overhead", (self.directory / draw).read_text(encoding="utf-8"))


class Ratios(WithFiles):
    def table(self, content=None):
        return bench_ratios.tables(self.report(content)["questions"][0])[0]

    def test_are_quotients_of_medians(self):
        table = self.table()
        self.assertAlmostEqual(table.ratio("empty", "slow").value, 0.5)
        self.assertAlmostEqual(table.ratio("empty", "fast").value, 1.25)
        self.assertAlmostEqual(table.ratio("later", "peer|one").value, 10 / 5000)

    def test_spread_as_the_quotients_of_all_pairs_do(self):
        found = bench_ratios.ratio([98, 100, 102], [100, 100, 100])
        self.assertAlmostEqual(found.value, 1.0)
        self.assertAlmostEqual(found.spread, 50 * (1.02 - 0.98))  # the quartiles of .98 ×3, 1 ×3, 1.02 ×3

    def test_have_half_the_interquartile_range_for_a_spread(self):
        self.assertAlmostEqual(bench_ratios.spread_percent([90, 95, 100, 105, 110]), 5.0)
        self.assertEqual(bench_ratios.spread_percent([7]), 0.0)
        self.assertEqual(bench_ratios.spread_percent([0, 0, 0]), 0.0)

    def test_are_missing_where_one_side_is(self):
        table = self.table()
        self.assertIsNone(table.ratio("later", "fast"))
        self.assertIsNone(bench_ratios.ratio([1], [0]))
        self.assertIsNone(bench_ratios.ratio([], [1]))

    def test_have_the_distance_of_the_pair_for_noise(self):
        table = self.table()
        self.assertAlmostEqual(table.noise_percent("empty"), 100 * (1 - 100 / 102), places=1)
        self.assertIsNone(table.noise_percent("later"))

    def test_count_as_a_loss_only_beyond_the_noise(self):
        self.assertTrue(self.table().is_slower("empty", "fast"))
        self.assertFalse(self.table().is_slower("empty", "slow"))
        near = raw(runs("empty/fanout", [100] * 3), runs("empty/fanout_again", [95] * 3), runs("empty/near", [96] * 3))
        self.assertFalse(self.table(near).is_slower("empty", "near"))

    def test_never_count_a_bound_or_the_pair_as_a_loss(self):
        found = bench_ratios.losses(self.report())
        self.assertEqual([(question, workload, competitor) for question, workload, competitor, _, _ in found],
                         [("overhead", "empty", "fast")])

    def test_stand_by_speed_with_fanout_first_and_bounds_last(self):
        self.assertEqual(self.table().competitors, ["fanout", "fanout_again", "fast", "slow", "peer|one", "ideal"])

    def test_of_counters_have_tables_of_their_own(self):
        content = raw(runs("10k/fanout", [1, 1], peak_bytes=[2048, 2048], tasks=[7, 7], items_per_second=[1, 2]),
                      runs("10k/other", [1, 1], peak_bytes=[4096, 4096], tasks=[7, 7], items_per_second=[1, 2]))
        tables = bench_ratios.tables(self.report(content, name="memory.json")["questions"][0])
        self.assertEqual([table.measure for table in tables], ["peak_bytes", None])
        self.assertAlmostEqual(tables[0].ratio("10k", "other").value, 0.5)
        self.assertEqual(tables[0].written("10k", "other"), "4.00 KiB")

    def test_of_counters_below_zero_do_not_exist(self):
        content = raw(runs("a/fanout", [1, 1], more_ns=[-2, -1]), runs("a/other", [1, 1], more_ns=[-1, 3]))
        tables = bench_ratios.tables(self.report(content)["questions"][0])
        self.assertEqual([table.measure for table in tables], [None, "more_ns"])
        self.assertIsNone(tables[1].ratio("a", "other"))

    def test_stand_beside_the_time_of_a_task_only_where_everybody_counts_tasks(self):
        fanout = runs("a/fanout", [1000], items_per_second=[1e9])
        self.assertEqual(self.table(raw(fanout)).written("a", "fanout"), "1.00 ns/item")
        self.assertEqual(self.table(raw(fanout, runs("a/ideal", [900]))).written("a", "fanout"), "1.00 µs")


class Facts(unittest.TestCase):
    def test_of_what_cmake_left_out_name_no_path(self):
        with tempfile.TemporaryDirectory() as directory:
            log = pathlib.Path(directory, "log")
            log.write_text("-- Check for working compiler: /usr/bin/c++ - skipped\n"
                           "-- perf: skipping openmp_static: /usr/bin/c++ has no OpenMP\n"
                           "-- Benchmarks without dispenso: not in /home/me/peers\n", encoding="utf-8")
            self.assertEqual(bench_facts.skipped(log),
                             ["openmp_static: c++ has no OpenMP", "dispenso: not in peers"])

    def test_of_a_compile_command_leave_out_what_names_a_file(self):
        command = "/usr/bin/c++ -I/a/b -isystem /c -O3 -DNDEBUG -std=c++20 -fmacro-prefix-map=/a=b -o x.o -c /a/x.cpp"
        self.assertEqual(bench_facts.flags_of(command.split()), "-O3 -DNDEBUG -std=c++20")

    def test_write_cores_as_ranges(self):
        self.assertEqual(bench_facts.as_ranges({5, 0, 1, 2, 8, 9}), "0-2,5,8-9")

    def test_find_the_tightest_quota_of_both_versions_of_cgroups(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            (root / "outer" / "inner").mkdir(parents=True)
            (root / "cpu" / "job").mkdir(parents=True)
            groups = root / "groups"
            groups.write_text("0::/outer/inner\n", encoding="utf-8")
            (root / "outer" / "cpu.max").write_text("150000 100000\n", encoding="utf-8")
            (root / "outer" / "inner" / "cpu.max").write_text("max 100000\n", encoding="utf-8")
            self.assertEqual(bench_facts.quota(groups, root), "1.5 cores")
            groups.write_text("4:cpu,cpuacct:/job\n2:memory:/job\n", encoding="utf-8")
            (root / "cpu" / "job" / "cpu.cfs_quota_us").write_text("-1\n", encoding="utf-8")
            (root / "cpu" / "job" / "cpu.cfs_period_us").write_text("100000\n", encoding="utf-8")
            self.assertEqual(bench_facts.quota(groups, root), "none")

    def test_that_cannot_be_found_are_unknown(self):
        with tempfile.TemporaryDirectory() as directory:
            facts = bench_facts.gather(directory, directory, "", "scripts/bench")
        self.assertEqual(set(facts["build"].values()), {"unknown"})
        self.assertEqual((facts["run"]["commit"], facts["run"]["dirty"]), ("unknown", "unknown"))


if __name__ == "__main__":
    unittest.main()
