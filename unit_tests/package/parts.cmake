# Configures where nothing but a compiler and oneTBB is found: everything else is left out, and the summary says what to
# install. A part that is asked for by name is an error there.

cmake_policy(VERSION 3.22)
file(REMOVE_RECURSE "${WORK_DIR}")
set(nothing_found -DFANOUT_RELACY_INCLUDE=)
foreach(package IN ITEMS CLI11 GTest SQLite3 benchmark fmt nlohmann_json zstd)
  list(APPEND nothing_found -DCMAKE_DISABLE_FIND_PACKAGE_${package}=ON)
endforeach()

function(configure)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${SOURCE_DIR}" -B "${WORK_DIR}" ${CONFIGURE_OPTIONS} ${nothing_found} ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output
  )
  set(result "${result}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect line)
  string(FIND "${output}" "${line}" found)
  if(found EQUAL -1)
    message(FATAL_ERROR "the line '${line}' is not in:\n${output}")
  endif()
endfunction()

configure()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "fanout must not need anything but oneTBB:\n${output}")
endif()
expect("the library: built\n")
expect("the tool: left out (on Debian: apt install nlohmann-json3-dev libcli11-dev libfmt-dev libzstd-dev)\n")
expect("fanout::tuning: left out (on Debian: apt install nlohmann-json3-dev)\n")
expect("the examples: built without what needs libsqlite3-dev libzstd-dev\n")
expect("the benchmarks: left out (on Debian: apt install libbenchmark-dev)\n")
expect("the tests: left out (on Debian: apt install libgtest-dev relacy-dev)\n")

# wants(<option> <packages>): what the option as ON must name as missing.
function(wants option packages)
  file(REMOVE_RECURSE "${WORK_DIR}")
  configure(-D${option}=ON)
  if(result EQUAL 0)
    message(FATAL_ERROR "${option}=ON must fail where what it needs is missing:\n${output}")
  endif()
  expect("${option} is ON, but what that needs is missing.")
  expect("  apt install ${packages}\n")
endfunction()
wants(FANOUT_BUILD_TUNING "nlohmann-json3-dev")
wants(FANOUT_BUILD_TOOL "nlohmann-json3-dev libcli11-dev libfmt-dev libzstd-dev")
wants(FANOUT_BUILD_EXAMPLES "libsqlite3-dev libzstd-dev")
wants(FANOUT_BUILD_PERF "libbenchmark-dev")
wants(BUILD_TESTING "libgtest-dev relacy-dev")

# Without oneTBB there is nothing to build.
file(REMOVE_RECURSE "${WORK_DIR}")
configure(-DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON)
if(result EQUAL 0)
  message(FATAL_ERROR "fanout was configured without oneTBB:\n${output}")
endif()
expect("  apt install libtbb-dev\n")
