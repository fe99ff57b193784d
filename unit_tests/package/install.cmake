# Builds and installs the library as a packager would, then moves the installed tree: the tests that use it fail if it
# refers to the place where it was installed.

cmake_policy(VERSION 3.22)
set(build "${WORK_DIR}/build")
set(staged "${WORK_DIR}/staged")
set(prefix "${WORK_DIR}/prefix")

execute_process(
  COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${SOURCE_DIR}" -B "${build}" ${CONFIGURE_OPTIONS}
    -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF
    -DFANOUT_BUILD_PERF=OFF -DFANOUT_BUILD_TOOL=OFF -DFANOUT_BUILD_EXAMPLES=OFF
  COMMAND_ERROR_IS_FATAL ANY
)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" COMMAND_ERROR_IS_FATAL ANY)

file(REMOVE_RECURSE "${staged}" "${prefix}")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${staged}" COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${staged}" "${prefix}")
