"""What scripts/bench answers before it installs, builds or measures anything."""

import pathlib
import subprocess
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"


def bench(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, check=False, timeout=60)


class BenchCommand(unittest.TestCase):
    def test_help_names_every_option(self):
        answer = bench("--help")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        for option in ("--quick", "--peers", "--html", "--output", "--list", "--help"):
            self.assertIn(option, answer.stdout)

    def test_list_prints_a_question_a_line(self):
        answer = bench("--list")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        self.assertLessEqual({"overhead", "pool"}, set(answer.stdout.split("\n")))

    def refuses(self, complaint, *arguments):
        answer = bench(*arguments)
        self.assertEqual((answer.returncode, answer.stdout), (2, ""))
        self.assertEqual(answer.stderr.splitlines()[0][:len(complaint)], complaint)

    def test_refuses_an_unknown_question_and_names_those_there_are(self):
        self.refuses("bench: unknown question: velocity (there are: ", "overhead", "velocity")

    def test_does_not_take_two_questions_for_one(self):
        self.refuses("bench: unknown question: overhead pool (", "overhead pool")

    def test_refuses_an_unknown_option(self):
        self.refuses("bench: unknown option: --fast", "--fast")

    def test_refuses_options_that_lack_their_directory(self):
        self.refuses("bench: --output takes a directory", "--output")
        self.refuses("bench: --peers takes a directory", "--peers")

    def test_refuses_peers_that_are_not_there(self):
        with tempfile.TemporaryDirectory() as directory:
            self.refuses("bench: not a directory: ", "--peers", f"{directory}/nowhere")


if __name__ == "__main__":
    unittest.main()
