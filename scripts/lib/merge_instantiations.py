#!/usr/bin/env python3
"""Reads what gcov counted, and writes it as gcovr's JSON, with the instantiations of a template counted together.

gcovr (5.2, Debian's) counts the branches of a template once for each instantiation in each object file, those that
are compiled but never called included. So a branch of a header that dozens of tests take was missed dozens of times.
Here a branch of a line is taken if any instantiation takes it. Where instantiations of a line differ in the number of
their branches (`if constexpr`), each kind counts on its own; one that no test runs does not count beside others that
are run. gcov puts the instantiations of a lambda one behind the other, and does not say how many: if the lengths of
such a line differ between object files and are multiples of the shortest, that is one instantiation; else there are
as many as functions that begin where the lambda does. Branches that gcov marks as thrown exceptions, which the
compiler makes of every call, do not count; nor do those of an assert, of which one side would be a defect.

Usage: merge_instantiations.py BUILD ROOT FOLDER... > TRACEFILE
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

AS_USUAL = {"gcovr/noncode": False, "gcovr/excluded": False}


def counts_of(program: pathlib.Path) -> list:
    """The files that gcov names for one object file."""
    gcov = ["gcov", "--json-format", "--stdout", "--branch-probabilities", program.name]
    answer = subprocess.run(gcov, cwd=program.parent, capture_output=True, text=True, check=True)
    return [file for line in answer.stdout.splitlines() for file in json.loads(line)["files"]]


def functions_at(number, functions):
    """How many functions gcov has at a line: of those that contain it, the innermost, which are a lambda's."""
    around = [each for each in functions if each["start_line"] <= number <= each["end_line"]]
    begin = max((each["start_line"] for each in around), default=0)
    return sum(1 for each in around if each["start_line"] == begin)


def split(lambdas):
    """The counts of several instantiations at a time, with the number of functions there: one by one."""
    lengths = {len(branches) for branches, _ in lambdas}
    shortest = min(lengths, default=0)
    are_multiples = len(lengths) > 1 and all(length % shortest == 0 for length in lengths)
    for branches, functions in lambdas:
        alone = len(branches) // functions if functions and len(branches) % functions == 0 else len(branches)
        size = shortest if are_multiples else alone
        yield from (branches[at : at + size] for at in range(0, len(branches), size))


class Line:
    """All instantiations of one line, in all object files."""

    def __init__(self):
        self.count = 0
        self.of_functions = []  # the counts of the branches of one instantiation each
        self.of_lambdas = []  # of several at a time

    def add(self, counted, functions):
        self.count += counted["count"]
        branches = [branch["count"] for branch in counted["branches"] if not branch["throw"]]
        if branches and counted.get("function_name"):
            self.of_functions.append(branches)
        elif branches:
            self.of_lambdas.append((branches, functions_at(counted["line_number"], functions)))

    def branches(self):
        kinds = {}  # number of branches: the count of each
        for branches in [*self.of_functions, *split(self.of_lambdas)]:
            known = kinds.setdefault(len(branches), [0] * len(branches))
            for number, count in enumerate(branches):
                known[number] += count
        run = [kind for kind in kinds.values() if any(kind)]
        return [count for kind in run or list(kinds.values())[:1] for count in kind]


def main(build, root, *folders):
    root = pathlib.Path(root).resolve()
    lines = {}
    programs = sorted(pathlib.Path(build).resolve().rglob("*.gcda"))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        for files in threads.map(counts_of, programs):
            for file in files:
                path = os.path.relpath(os.path.join(root, file["file"]), root)
                if not path.startswith(folders):
                    continue
                of_file = lines.setdefault(path, {})
                for counted in file["lines"]:
                    of_file.setdefault(counted["line_number"], Line()).add(counted, file["functions"])
    files = []
    for path in sorted(lines):
        of_file = []
        source = (root / path).read_text(encoding="utf-8").splitlines()
        for number, line in sorted(lines[path].items()):
            counts = [] if source[number - 1].lstrip().startswith("assert(") else line.branches()
            branches = [{"count": count, "fallthrough": False, "throw": False} for count in counts]
            of_file.append({"line_number": number, "count": line.count, "branches": branches, **AS_USUAL})
        files.append({"file": path, "lines": of_file, "functions": []})
    json.dump({"gcovr/format_version": "0.3", "files": files}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
