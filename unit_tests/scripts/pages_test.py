"""The pages lead to what is there: every relative link, and every test that they name."""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
LINK = re.compile(r"\]\(\s*<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
NAMED_TEST = re.compile(r"[A-Z]\w*\.[A-Z]\w*")
SOURCE_OF_TESTS = re.compile(r"\]\(([^)#]*\.cpp)\)|`([A-Z]\w*\.[A-Z]\w*)`")


def files(root, pattern):
    """The files of a tree of such names; none of what was built, or of what belongs to git."""
    parts = [part for part in root.iterdir() if part.is_dir() and part.name != "build" and part.name[0] != "."]
    return sorted([*root.glob(pattern), *(file for part in parts for file in part.rglob(pattern))])


def pages(root):
    return [page.relative_to(root) for page in files(root, "*.md")]


def prose(text):
    """The text without blocks of code, in which nothing is a link or a heading."""
    return FENCE.sub("", text)


def anchors(text):
    """What GitHub calls the headings of a page."""
    names = {}
    found = set()
    for heading in HEADING.findall(prose(text)):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = names.get(name, 0)
        names[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def broken_links(root):
    complaints = []
    for page in pages(root):
        text = (root / page).read_text(encoding="utf-8")
        for target in LINK.findall(CODE.sub("", prose(text))):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):  # elsewhere in the world
                continue
            path, _, anchor = target.partition("#")
            file = (root / page.parent / path).resolve() if path else root / page
            if not file.is_relative_to(root.resolve()) or not file.exists():
                complaints.append(f"{page}: there is no {path}")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8")):
                complaints.append(f"{page}: {path or 'the page itself'} has no heading #{anchor}")
    return complaints


def tests_in(file):
    return {f"{suite}.{name}" for suite, name in TEST.findall(file.read_text(encoding="utf-8"))}


def unknown_tests(root):
    """Tests that a page names and no source has."""
    known = set()
    for source in files(root, "*.cpp"):
        known |= tests_in(source)
    complaints = []
    for page in pages(root):
        for _, code in CODE.findall(prose((root / page).read_text(encoding="utf-8"))):
            if NAMED_TEST.fullmatch(code) and code not in known:
                complaints.append(f"{page}: there is no test {code}")
    return complaints


def unkept_promises(root):
    """What docs/promises.md says of tests that is not so: each is in the file that was linked last, and the tests of
    promises are all there."""
    page = root / "docs" / "promises.md"
    complaints = []
    named = set()
    source = None
    for file, test in SOURCE_OF_TESTS.findall(page.read_text(encoding="utf-8")):
        if file:
            source = (page.parent / file).resolve()
            continue
        named.add(test)
        if source is None or not source.exists() or test not in tests_in(source):
            complaints.append(f"{test} is not in {source.name if source else 'any file'}")
    for promise in sorted((root / "unit_tests" / "promises").glob("*_test.cpp")):
        tests = tests_in(promise)
        if not tests:
            complaints.append(f"{promise.name} has no tests")
        complaints += [f"{promise.name}: {test} is not named" for test in sorted(tests - named)]
    return complaints


class Pages(unittest.TestCase):
    maxDiff = None

    def test_there_are_some(self):
        self.assertLessEqual({pathlib.Path("README.md"), pathlib.Path("docs/promises.md")}, set(pages(ROOT)))

    def test_every_relative_link_leads_somewhere(self):
        self.assertEqual(broken_links(ROOT), [])

    def test_every_test_that_is_named_exists(self):
        self.assertEqual(unknown_tests(ROOT), [])

    def test_every_promise_has_its_tests_named(self):
        self.assertEqual(unkept_promises(ROOT), [])


class Checks(unittest.TestCase):
    """The checks can fail: each finds the mistake that was put into a tree without any."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        self.write("README.md", "# Demo\n\n[Promises](docs/promises.md#1-it-holds), [the same](docs/promises.md).\n")
        self.write("docs/promises.md",
                   "# Promises\n\n## 1. It `holds`\n\nIn [a](../unit_tests/promises/a_test.cpp): `A.Holds`, `A.IsKept`\n\n"
                   "In [b](../unit_tests/b_test.cpp): `B.Works`; back to [the top](#promises)\n")
        self.write("unit_tests/promises/a_test.cpp", "TEST(A, Holds) {\n}\nTEST_F(A, IsKept) {\n}\n")
        self.write("unit_tests/b_test.cpp", "TEST_P(B, Works) {\n}\nTEST(B, IsNotOnThePage) {\n}\n")

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def change(self, name, old, new):
        text = (self.root / name).read_text(encoding="utf-8")
        self.assertIn(old, text)
        self.write(name, text.replace(old, new))

    def test_find_nothing_in_a_tree_without_mistakes(self):
        self.assertEqual((broken_links(self.root), unknown_tests(self.root), unkept_promises(self.root)), ([], [], []))

    def test_find_a_link_to_a_file_that_is_not_there(self):
        self.change("README.md", "(docs/promises.md)", "(docs/nothing.md)")
        self.assertEqual(broken_links(self.root), ["README.md: there is no docs/nothing.md"])

    def test_find_a_heading_that_is_not_there(self):
        self.change("README.md", "#1-it-holds", "#2-it-holds")
        self.change("docs/promises.md", "(#promises)", "(#top)")
        self.assertEqual(broken_links(self.root), ["README.md: docs/promises.md has no heading #2-it-holds",
                                                   "docs/promises.md: the page itself has no heading #top"])

    def test_find_a_test_that_is_not_there(self):
        self.change("README.md", "# Demo", "# Demo\n\n`A.Vanished` and `vector.size`")
        self.assertEqual(unknown_tests(self.root), ["README.md: there is no test A.Vanished"])

    def test_find_a_test_that_was_renamed(self):
        self.change("unit_tests/promises/a_test.cpp", "IsKept", "IsBroken")
        self.assertEqual(unkept_promises(self.root), ["A.IsKept is not in a_test.cpp",
                                                      "a_test.cpp: A.IsBroken is not named"])

    def test_find_a_promise_whose_test_is_not_named(self):
        self.write("unit_tests/promises/c_test.cpp", "TYPED_TEST(C, Holds) {\n}\n")
        self.assertEqual(unkept_promises(self.root), ["c_test.cpp: C.Holds is not named"])



if __name__ == "__main__":
    unittest.main()
