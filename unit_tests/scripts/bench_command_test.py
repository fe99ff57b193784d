"""What scripts/bench answers before it installs, builds or measures anything."""

import tempfile
import unittest

from command_case import CommandCase


class BenchCommand(CommandCase):
    name = "bench"

    def test_help_names_every_option(self):
        text = self.accepts("--help")
        for option in ("--quick", "--peers", "--html", "--output", "--list", "--help"):
            self.assertIn(option, text)

    def test_list_prints_a_question_a_line(self):
        text = self.accepts("--list")
        self.assertLessEqual({"overhead", "pool"}, set(text.split("\n")))

    def test_refuses_an_unknown_question_and_names_those_there_are(self):
        self.refuses("unknown question: velocity (there are: ", "overhead", "velocity")

    def test_does_not_take_two_questions_for_one(self):
        self.refuses("unknown question: overhead pool (", "overhead pool")

    def test_refuses_an_unknown_option(self):
        self.refuses("unknown option: --fast", "--fast")

    def test_refuses_options_that_lack_their_directory(self):
        self.refuses("--output takes a directory", "--output")
        self.refuses("--peers takes a directory", "--peers")

    def test_refuses_peers_that_are_not_there(self):
        with tempfile.TemporaryDirectory() as directory:
            self.refuses("not a directory: ", "--peers", f"{directory}/nowhere")


if __name__ == "__main__":
    unittest.main()
