"""What scripts/matrix answers before it installs, builds or runs anything."""

import pathlib
import subprocess
import tempfile
import unittest

MATRIX = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "matrix"


def matrix(*arguments):
    return subprocess.run([MATRIX, *arguments], capture_output=True, text=True, check=False, timeout=60)


class MatrixCommand(unittest.TestCase):
    def test_help_names_every_option(self):
        answer = matrix("--help")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        for option in ("--quick", "--tbb", "--list", "--help"):
            self.assertIn(option, answer.stdout)

    def test_list_prints_a_row_a_line_with_what_it_is_for(self):
        answer = matrix("--list")
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        rows = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
        self.assertLessEqual({"gcc", "clang14", "clang19", "debug-mode", "no-rtti", "shared"}, rows.keys())

    def refuses(self, complaint, *arguments):
        answer = matrix(*arguments)
        self.assertEqual((answer.returncode, answer.stdout), (2, ""))
        self.assertEqual(answer.stderr.splitlines()[0][:len(complaint)], complaint)

    def test_refuses_an_unknown_row_and_names_those_there_are(self):
        self.refuses("matrix: unknown row: msvc (there are: gcc ", "gcc", "msvc")

    def test_refuses_a_quick_run_of_a_row_without_a_quick_part(self):
        self.refuses("matrix: row lto has no quick part", "--quick", "lto")

    def test_refuses_an_unknown_option(self):
        self.refuses("matrix: unknown option: --fast", "--fast")

    def test_refuses_a_oneTBB_that_is_not_there(self):
        self.refuses("matrix: --tbb takes a directory", "--tbb")
        with tempfile.TemporaryDirectory() as directory:
            self.refuses("matrix: not a directory: ", "--tbb", f"{directory}/nowhere")
            self.refuses("matrix: no oneTBB is installed below ", "--tbb", directory)


if __name__ == "__main__":
    unittest.main()
