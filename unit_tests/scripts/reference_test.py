"""scripts/reference writes the reference of the sources as they are, and refuses what a reader would miss in it."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Reference(unittest.TestCase):
    """Each test has a copy of what Doxygen reads, and may change it."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.copy = pathlib.Path(directory.name) / "fanout"
        self.html = self.copy / "build" / "reference" / "html"
        for part in ("docs", "include", "scripts"):
            shutil.copytree(ROOT / part, self.copy / part)
        for page in ROOT.glob("*.md"):
            shutil.copy(page, self.copy)

    def plant(self, file, old, new):
        path = self.copy / file
        text = path.read_text(encoding="utf-8")
        self.assertIn(old, text)
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def make(self, *arguments):
        return subprocess.run([self.copy / "scripts" / "reference", *arguments], capture_output=True, text=True,
                              check=False, timeout=60)

    def refuses(self, complaint):
        answer = self.make()
        self.assertNotEqual(answer.returncode, 0, answer.stdout)
        for line in answer.stderr.splitlines():  # nothing else, however often it is said
            self.assertIn(complaint, line)

    def test_has_no_warning(self):
        answer = self.make()
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))

    def test_begins_with_the_readme_and_has_the_public_names_alone(self):
        self.assertEqual(self.make().returncode, 0)
        self.assertIn("quick_start.cpp", (self.html / "index.html").read_text(encoding="utf-8"))
        for name in ("classfanout_1_1executor.html", "structfanout_1_1pool__statistics.html", "md_docs_pools.html",
                     "classfanout_1_1adapters_1_1opencv__backend.html"):
            self.assertTrue((self.html / name).is_file(), name)
        self.assertIn("execute_in_parallel", (self.html / "namespacefanout.html").read_text(encoding="utf-8"))
        self.assertEqual(list(self.html.glob("*fanout_1_1detail*")), [])

    def test_refuses_a_public_member_without_a_comment(self):
        self.plant("include/fanout/task_context.hpp", "  /// The task's place", "  bool planted() const;\n\n  /// The task's place")
        self.refuses("Member planted() const")

    def test_refuses_a_reference_to_a_name_that_is_not_there(self):
        self.plant("include/fanout/limits.hpp", "/// One thread for each core:", "/// See \\ref fanout::planted. One thread for each core:")
        self.refuses("unable to resolve reference to 'fanout::planted'")



if __name__ == "__main__":
    unittest.main()
