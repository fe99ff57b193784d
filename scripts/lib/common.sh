# shellcheck shell=bash
# For the commands in scripts/: source it, do not run it.

repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
export repository

if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
else
  bold='' plain=''
fi

heading() {
  printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"
}

# Ends the command as one ends that was called the wrong way.
usage_error() {
  printf '%s: %s\nTry %s --help.\n' "${0##*/}" "$1" "$0" >&2
  exit 2
}

# A job for each core, and fewer where memory is short: a compiler that reads oneTBB may need 1 GiB.
build_jobs() {
  local cores memory_gib
  cores=$(nproc 2>/dev/null || echo 2)
  memory_gib=$(awk '/^MemTotal:/ {print int($2 / 1048576)}' /proc/meminfo 2>/dev/null || echo 4)
  if ((memory_gib >= 1 && memory_gib < cores)); then
    cores=$memory_gib
  fi
  echo "$cores"
}

# Two tests for each of these jobs: those that may run beside others (unit_tests/CMakeLists.txt) sleep most of the time.
test_jobs() {
  echo $((2 * $(build_jobs)))
}
