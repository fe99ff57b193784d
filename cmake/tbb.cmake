# The target TBB::tbb, and fanout_tbb_version: the version of the headers that fanout is compiled with, as MAJOR.MINOR.
# A static fanout and its packages require that version or a newer one, because functions that those headers call may be
# missing in older libraries.

set(fanout_tbb_minimum 2021) # the first oneTBB; the tests run with 2021.8

# A project that builds oneTBB itself, by add_subdirectory or FetchContent, has the target already.
if(NOT TARGET TBB::tbb)
  find_package(TBB ${fanout_tbb_minimum} QUIET CONFIG)
  if(NOT TARGET TBB::tbb)
    set(fanout_tbb_note "")
    if(TBB_CONSIDERED_CONFIGS)
      set(fanout_tbb_note "Found, but not suitable: ${TBB_CONSIDERED_CONFIGS} (${TBB_CONSIDERED_VERSIONS}).\n")
    endif()
    message(FATAL_ERROR
      "fanout needs oneTBB ${fanout_tbb_minimum} or newer. On Debian:\n"
      "  apt install libtbb-dev\n"
      "If oneTBB is installed below a prefix of its own, add -DCMAKE_PREFIX_PATH=PREFIX.\n${fanout_tbb_note}")
  endif()
endif()

# Read from the header, because a target of the same build comes without TBB_VERSION.
get_target_property(fanout_tbb_directories TBB::tbb INTERFACE_INCLUDE_DIRECTORIES)
string(REGEX REPLACE "\\$<(BUILD_INTERFACE|\\$<CONFIG:[^>]*>):([^>]*)>" "\\2" fanout_tbb_directories "${fanout_tbb_directories}")
string(GENEX_STRIP "${fanout_tbb_directories}" fanout_tbb_directories)
unset(fanout_tbb_header)
find_file(fanout_tbb_header oneapi/tbb/version.h
  PATHS ${fanout_tbb_directories} ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES} NO_DEFAULT_PATH NO_CACHE)
if(fanout_tbb_header)
  file(STRINGS "${fanout_tbb_header}" fanout_tbb_lines REGEX "^#define TBB_VERSION_(MAJOR|MINOR) ")
  string(REGEX REPLACE "^.*_MAJOR ([0-9]+).*_MINOR ([0-9]+).*$" "\\1.\\2" fanout_tbb_version "${fanout_tbb_lines}")
else()
  set(fanout_tbb_version "${TBB_VERSION}")
endif()
if(NOT fanout_tbb_version VERSION_GREATER_EQUAL fanout_tbb_minimum)
  message(FATAL_ERROR "fanout needs oneTBB ${fanout_tbb_minimum} or newer, but TBB::tbb is '${fanout_tbb_version}'")
endif()

# What fanout links. A project may build oneTBB without installing it (TBB_INSTALL is OFF, or EXCLUDE_FROM_ALL), and then
# install(EXPORT) would refuse a library that links TBB::tbb directly: a target of this build that is in no export set.
# install(EXPORT) checks neither imported targets nor names inside generator expressions.
add_library(fanout_tbb INTERFACE IMPORTED GLOBAL)
target_link_libraries(fanout_tbb INTERFACE TBB::tbb)
set(fanout_installed_tbb "")
if(NOT BUILD_SHARED_LIBS) # the installed shared library needs no oneTBB of its users
  set(fanout_installed_tbb $<LINK_ONLY:$<1:TBB::tbb>>)
endif()
