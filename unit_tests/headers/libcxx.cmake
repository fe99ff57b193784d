# Builds fanout and a program with libc++, and runs it with the system's oneTBB, which was built with libstdc++. That
# works because no exception of a task crosses oneTBB. fanout::tuning is only compiled against. The sources are compiled
# as one, because most of what the compiler reads is the same for all of them.

cmake_policy(VERSION 3.22)
file(GLOB_RECURSE sources "${SOURCE_DIR}/*.cpp")
list(FILTER sources EXCLUDE REGEX "/tuning/")
list(TRANSFORM TBB_INCLUDE_DIRS PREPEND "-idirafter") # -isystem breaks where it names the system's own directory
list(TRANSFORM sources REPLACE "(.+)" "#include \"\\1\"\n" OUTPUT_VARIABLE all_sources)
list(JOIN all_sources "" all_sources)
file(WRITE "${WORK_DIR}/all_sources.cpp" "${all_sources}")
# libc++ 19 counts std::stop_token among what is experimental.
set(compile "${CXX}" -std=c++20 -stdlib=libc++ -fexperimental-library "-I${INCLUDE_DIR}" "-I${SOURCE_DIR}" ${TBB_INCLUDE_DIRS})
execute_process(
  COMMAND ${compile} -fsyntax-only "${CMAKE_CURRENT_LIST_DIR}/face_lint.cpp" COMMAND_ERROR_IS_FATAL ANY
)
execute_process(
  COMMAND ${compile} "${WORK_DIR}/all_sources.cpp" "${CMAKE_CURRENT_LIST_DIR}/user_program.cpp" "${TBB_LIBRARY}" -pthread
    -o "${WORK_DIR}/user_program"
  COMMAND_ERROR_IS_FATAL ANY
)
execute_process(COMMAND "${WORK_DIR}/user_program" COMMAND_ERROR_IS_FATAL ANY)
