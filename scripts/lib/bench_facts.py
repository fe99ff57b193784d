"""What machine and what build a measurement comes from. Names no host and no absolute path."""

import datetime
import json
import os
import pathlib
import platform
import re
import shlex
import subprocess

UNKNOWN = "unknown"


def output_of(command, **options):
    """What a command prints, or nothing if it fails: a fact less is no reason to lose the measurements."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""


def text_of(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def first_match(pattern, text, default=UNKNOWN):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else default


# ---- The machine ----

def as_ranges(numbers):
    """{0, 1, 2, 5} → '0-2,5', as taskset writes it."""
    ranges = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def affinity():
    try:
        return as_ranges(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return UNKNOWN


def quota_of_group(directory):
    """The cores that one cgroup allows, version 2 or 1, or None."""
    words = (text_of(directory / "cpu.max") or
             f"{text_of(directory / 'cpu.cfs_quota_us')} {text_of(directory / 'cpu.cfs_period_us')}").split()
    if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:
        return int(words[0]) / int(words[1])
    return None


def quota(groups="/proc/self/cgroup", root="/sys/fs/cgroup"):
    """The tightest quota from this process's group upwards."""
    found = []
    for line in text_of(groups).splitlines():
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = [pathlib.Path(root, name) for name in ("cpu,cpuacct", "cpu")] if controllers else [pathlib.Path(root)]
        parts = [part for part in path.split("/") if part]
        for mount in mounts:
            for depth in range(len(parts) + 1):
                found.append(quota_of_group(mount.joinpath(*parts[:depth])))
    found = [cores for cores in found if cores is not None]
    return f"{min(found):g} cores" if found else "none"


def governor():
    pattern = "cpu[0-9]*/cpufreq/scaling_governor"
    found = {text_of(each) for each in pathlib.Path("/sys/devices/system/cpu").glob(pattern)} - {""}
    return ", ".join(sorted(found)) or UNKNOWN


def memory_gib():
    kib = first_match(r"^MemTotal:\s+(\d+)", text_of("/proc/meminfo"), "")
    return round(int(kib) / 2**20, 1) if kib else UNKNOWN


def machine(load):
    return {
        "cpu": first_match(r"^model name\s*:(.*)$", text_of("/proc/cpuinfo"), platform.machine() or UNKNOWN),
        "cores": os.cpu_count() or UNKNOWN,
        "affinity": affinity(),
        "quota": quota(),
        "governor": governor(),
        "load_average": load or UNKNOWN,
        "memory_gib": memory_gib(),
        "kernel": f"{platform.system()} {platform.release()}",
    }


# ---- The build ----

def compile_command(build):
    """How the build compiles a file of the engine: the compiler, then its arguments."""
    try:
        commands = json.loads(text_of(pathlib.Path(build, "compile_commands.json")))
        engine = [each for each in commands if each["file"].endswith("/arena.cpp")]
        return shlex.split(engine[0]["command"])
    except (ValueError, TypeError, KeyError, IndexError):
        return []


def flags_of(command):
    """Its flags without what names a file."""
    flags, words = [], iter(command[1:])
    for word in words:
        if word in ("-o", "-c", "-I", "-isystem", "-include"):
            next(words, None)
        elif "/" not in word:
            flags.append(word)
    return " ".join(flags)


def compiler_of(command):
    return output_of([command[0], "--version"]).partition("\n")[0] or UNKNOWN if command else UNKNOWN


def onetbb_of(command):
    """From the header, as the engine's own compile command finds it."""
    if not command:
        return UNKNOWN
    places = [word for word in command if word.startswith(("-I", "-std"))]
    for flag, place in zip(command, command[1:]):
        places += [flag, place] if flag == "-isystem" else []
    macros = output_of([command[0], *places, "-E", "-dM", "-x", "c++", "-"], input="#include <oneapi/tbb/version.h>\n")
    numbers = [first_match(rf"^#define TBB_VERSION_{part} (\d+)$", macros, "") for part in ("MAJOR", "MINOR", "PATCH")]
    return ".".join(filter(None, numbers)) or UNKNOWN


def google_benchmark_of(build):
    cache = text_of(pathlib.Path(build, "CMakeCache.txt"))
    directory = first_match(r"^benchmark_DIR:\w+=(.*)$", cache, "")
    version = text_of(pathlib.Path(directory, "benchmarkConfigVersion.cmake")) if directory else ""
    return first_match(r'^set\(PACKAGE_VERSION "([^"]+)"\)', version)


def without_paths(text):
    """'/usr/bin/c++ is old' → 'c++ is old'."""
    return re.sub(r"(?<![\w./])/(?:[^\s/:]+/)*([^\s/:]+)", r"\1", text)


def skipped(log):
    """What CMake said of competitors that it left out, in the words of perf/."""
    found = re.findall(r"^-- (?:perf: skipping|Benchmarks without) (.*)$", text_of(log), re.MULTILINE)
    return [without_paths(each) for each in found]


# ---- All of it ----

def run(repository, command):
    git = ["git", "-C", str(repository)]
    commit = output_of([*git, "rev-parse", "HEAD"]).strip()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "commit": commit or UNKNOWN,
        "dirty": bool(output_of([*git, "status", "--porcelain"]).strip()) if commit else UNKNOWN,
    }


def gather(build, repository, load, command):
    compiling = compile_command(build)
    return {
        "run": run(repository, command),
        "machine": machine(load),
        "build": {
            "compiler": compiler_of(compiling),
            "flags": flags_of(compiling) or UNKNOWN,
            "onetbb": onetbb_of(compiling),
            "google_benchmark": google_benchmark_of(build),
        },
    }
