# Decides what is built in addition to the library. Each part has an option:
#   AUTO  build the part if everything it needs is found; the default
#   ON    build it; if something is missing, that is an error
#   OFF   do not build it; the default in a project that embeds fanout
# After this file each option is a variable that is ON or OFF.

# Relacy has headers, but no package for CMake.
find_path(FANOUT_RELACY_INCLUDE relacy/relacy.hpp DOC "The directory that contains relacy/relacy.hpp")
mark_as_advanced(FANOUT_RELACY_INCLUDE)

# fanout_find_missing(<result> [<package>:<Debian package>]...): the Debian packages of those that are not found.
function(fanout_find_missing result)
  set(missing "")
  foreach(need IN LISTS ARGN)
    string(REGEX REPLACE ":.*" "" package "${need}")
    string(REGEX REPLACE ".*:" "" debian_package "${need}")
    if(package STREQUAL "Relacy")
      set(Relacy_FOUND "${FANOUT_RELACY_INCLUDE}")
    else()
      find_package(${package} QUIET)
    endif()
    if(NOT ${package}_FOUND)
      list(APPEND missing ${debian_package})
    endif()
  endforeach()
  set(${result} "${missing}" PARENT_SCOPE)
endfunction()

# fanout_part(<option> <what it is> [VIEWS] [NEEDS <package>...] [WANTS <package>...]): decides on one part. AUTO builds it
# without what it only wants. VIEWS: it uses views of libstdc++, which clang cannot compile before version 16.
function(fanout_part option what)
  cmake_parse_arguments(PARSE_ARGV 2 part "VIEWS" "" "NEEDS;WANTS")
  set(default OFF)
  if(PROJECT_IS_TOP_LEVEL)
    set(default AUTO)
  endif()
  set(${option} ${default} CACHE STRING "Build ${what}: AUTO (if what it needs is found), ON or OFF")
  set_property(CACHE ${option} PROPERTY STRINGS AUTO ON OFF)

  set(build "${${option}}")
  set(note "")
  if(NOT build)
    set(note " (${option} is OFF)")
  else()
    fanout_find_missing(needs ${part_NEEDS})
    fanout_find_missing(wants ${part_WANTS})
    set(missing ${needs} ${wants})
    list(JOIN missing " " missing)
    if(NOT build STREQUAL "AUTO")
      if(missing)
        message(FATAL_ERROR "${option} is ${build}, but what that needs is missing. On Debian:\n  apt install ${missing}")
      endif()
    elseif(part_VIEWS AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
      set(build OFF)
      set(note " (use g++, or clang 16 or newer)")
    elseif(missing)
      set(note " without what needs ${missing}")
      if(needs)
        set(build OFF)
        set(note " (on Debian: apt install ${missing})")
      endif()
    endif()
  endif()

  if(build)
    list(APPEND fanout_summary "${what}: built${note}")
    set(${option} ON PARENT_SCOPE)
  else()
    list(APPEND fanout_summary "${what}: left out${note}")
    set(${option} OFF PARENT_SCOPE)
  endif()
  set(fanout_summary "${fanout_summary}" PARENT_SCOPE)
endfunction()

# The tool is the command line of fanout::tuning: an explicit request brings that along, AUTO follows it.
if("${FANOUT_BUILD_TOOL}" MATCHES "^(AUTO)?$" AND DEFINED FANOUT_BUILD_TUNING AND NOT FANOUT_BUILD_TUNING)
  set(FANOUT_BUILD_TOOL OFF)
endif()

set(fanout_summary "the library: built")
set(needs_of_tuning nlohmann_json:nlohmann-json3-dev)
fanout_part(FANOUT_BUILD_TOOL "the tool"
  NEEDS ${needs_of_tuning} CLI11:libcli11-dev fmt:libfmt-dev zstd:libzstd-dev)
if(FANOUT_BUILD_TOOL)
  set(FANOUT_BUILD_TUNING ON)
endif()
fanout_part(FANOUT_BUILD_TUNING "fanout::tuning" NEEDS ${needs_of_tuning})
fanout_part(FANOUT_BUILD_EXAMPLES "the examples" VIEWS WANTS SQLite3:libsqlite3-dev zstd:libzstd-dev)
fanout_part(FANOUT_BUILD_PERF "the benchmarks" VIEWS NEEDS benchmark:libbenchmark-dev)
if(PROJECT_IS_TOP_LEVEL) # in a larger project BUILD_TESTING is about the tests of that project
  fanout_part(BUILD_TESTING "the tests" VIEWS NEEDS GTest:libgtest-dev WANTS Relacy:relacy-dev)
endif()
