"""What scripts/matrix answers before it installs, builds or runs anything."""

import tempfile
import unittest

from command_case import CommandCase


class MatrixCommand(CommandCase):
    name = "matrix"

    def test_help_names_every_option(self):
        text = self.accepts("--help")
        for option in ("--quick", "--tbb", "--list", "--help"):
            self.assertIn(option, text)

    def test_list_prints_a_row_a_line_with_what_it_is_for(self):
        text = self.accepts("--list")
        rows = dict(line.split(maxsplit=1) for line in text.splitlines())
        self.assertLessEqual({"gcc", "clang14", "clang19", "debug-mode", "no-rtti", "shared"}, rows.keys())

    def test_refuses_an_unknown_row_and_names_those_there_are(self):
        self.refuses("unknown row: msvc (there are: gcc ", "gcc", "msvc")

    def test_refuses_a_quick_run_of_a_row_without_a_quick_part(self):
        self.refuses("row lto has no quick part", "--quick", "lto")

    def test_refuses_an_unknown_option(self):
        self.refuses("unknown option: --fast", "--fast")

    def test_refuses_a_oneTBB_that_is_not_there(self):
        self.refuses("--tbb takes a directory", "--tbb")
        with tempfile.TemporaryDirectory() as directory:
            self.refuses("not a directory: ", "--tbb", f"{directory}/nowhere")
            self.refuses("no oneTBB is installed below ", "--tbb", directory)


if __name__ == "__main__":
    unittest.main()
