# Compiles, links and runs the consumer with nothing but what pkg-config says.

cmake_policy(VERSION 3.22)
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/${LIBDIR}/pkgconfig")
set(static "")
if(FLAVOUR STREQUAL "static")
  set(static --static)
endif()

execute_process(
  COMMAND "${PKG_CONFIG}" ${static} --cflags --libs fanout
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
message(STATUS "pkg-config says: ${flags}")
separate_arguments(flags UNIX_COMMAND "${flags}")

file(MAKE_DIRECTORY "${WORK_DIR}")
set(program "${WORK_DIR}/consumer")
execute_process(
  COMMAND "${CXX}" -std=c++20 "${CMAKE_CURRENT_LIST_DIR}/main.cpp" -o "${program}" ${flags}
  COMMAND_ERROR_IS_FATAL ANY
)
set(ENV{LD_LIBRARY_PATH} "${PREFIX}/${LIBDIR}:$ENV{LD_LIBRARY_PATH}")
execute_process(COMMAND "${program}" COMMAND_ERROR_IS_FATAL ANY)
