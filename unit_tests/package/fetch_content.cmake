# Configures a project that fetches oneTBB in place of each find_package(TBB). fanout must take that one.

cmake_policy(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect_line.cmake")
file(REMOVE_RECURSE "${WORK_DIR}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${CMAKE_CURRENT_LIST_DIR}/add_subdirectory" -B "${WORK_DIR}"
    ${CONFIGURE_OPTIONS} -DTBB_FROM=fetch_content -DFANOUT_INSTALL=ON
  COMMAND_ERROR_IS_FATAL ANY
)
expect_line("${WORK_DIR}/fanout/fanoutConfig.cmake" "find_dependency(TBB 2021.99 CONFIG)")
