# Compiles, links and runs a program with nothing but what `pkg-config --cflags --libs PACKAGE` prints.

cmake_policy(VERSION 3.22)
set(ENV{PKG_CONFIG_PATH} "${PREFIX}/${LIBDIR}/pkgconfig")
execute_process(
  COMMAND "${PKG_CONFIG}" --cflags --libs ${PACKAGE}
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
)
message(STATUS "pkg-config says: ${flags}")
separate_arguments(flags UNIX_COMMAND "${flags}")

file(MAKE_DIRECTORY "${WORK_DIR}")
set(program "${WORK_DIR}/${PACKAGE}")
execute_process(COMMAND "${CXX}" -std=c++20 "${SOURCE}" -o "${program}" ${flags} COMMAND_ERROR_IS_FATAL ANY)
set(ENV{LD_LIBRARY_PATH} "${PREFIX}/${LIBDIR}:$ENV{LD_LIBRARY_PATH}")
execute_process(COMMAND "${program}" COMMAND_ERROR_IS_FATAL ANY)
