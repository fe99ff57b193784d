# shellcheck shell=bash
# What scripts/bench and scripts/bench_against know of perf/: source it after common.sh.

# The programs that the CMake files in perf/ speak of. Whether all of them can be built here only CMake knows.
known_questions() {
  sed -nE 's/^ *(fanout_add_benchmark\(|add_executable\(bench_)([a-z0-9_]+).*/\2/p' \
    "$repository"/perf/CMakeLists.txt "$repository"/perf/*/CMakeLists.txt | sort -u
}

# require_known_questions QUESTION…: ends the command if there is one that is not.
require_known_questions() {
  local question known
  mapfile -t known < <(known_questions)
  for question in "$@"; do
    printf '%s\n' "${known[@]}" | grep -qxF -- "$question" ||
      usage_error "unknown question: $question (there are: ${known[*]})"
  done
}
