"""What the tests of the commands in scripts/ share: calling one that shall answer before it does anything."""

import pathlib
import subprocess
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"


class CommandCase(unittest.TestCase):
    name = ""  # of the command

    def answer(self, *arguments):
        return subprocess.run([SCRIPTS / self.name, *arguments], capture_output=True, text=True, check=False, timeout=60)

    def accepts(self, *arguments):
        answer = self.answer(*arguments)
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        return answer.stdout

    def refuses(self, complaint, *arguments):
        answer = self.answer(*arguments)
        self.assertEqual((answer.returncode, answer.stdout), (2, ""))
        complaint = f"{self.name}: {complaint}"
        self.assertEqual(answer.stderr.splitlines()[0][:len(complaint)], complaint)
