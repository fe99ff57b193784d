# Installs the project add_subdirectory/, once as it is and once with FANOUT_INSTALL. Without the option nothing of fanout
# may come along. With it, the package must require the version of the oneTBB that the project builds.

cmake_policy(VERSION 3.22)

function(install_with)
  file(REMOVE_RECURSE "${WORK_DIR}")
  execute_process(COMMAND "${CMAKE_COMMAND}" ${ARGN} "${BUILD_DIR}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
  )
endfunction()

install_with(-UFANOUT_INSTALL)
file(GLOB_RECURSE installed RELATIVE "${WORK_DIR}" "${WORK_DIR}/*")
if(NOT installed STREQUAL "bin/consumer;lib/cmake/TBB/TBBTargets.cmake")
  message(FATAL_ERROR "A project that embeds fanout must install its own files alone, but it installs: ${installed}")
endif()

install_with(-DFANOUT_INSTALL=ON)
foreach(file IN ITEMS include/fanout/fanout.hpp ${LIBDIR}/libfanout.a ${LIBDIR}/cmake/fanout/fanoutTargets.cmake)
  if(NOT EXISTS "${WORK_DIR}/${file}")
    message(FATAL_ERROR "With FANOUT_INSTALL=ON this is not installed: ${file}")
  endif()
endforeach()
include("${CMAKE_CURRENT_LIST_DIR}/expect_line.cmake")
expect_line("${WORK_DIR}/${LIBDIR}/cmake/fanout/fanoutConfig.cmake" "find_dependency(TBB 2021.99 CONFIG)")
expect_line("${WORK_DIR}/${LIBDIR}/pkgconfig/fanout.pc" "Requires: tbb >= 2021.99")
