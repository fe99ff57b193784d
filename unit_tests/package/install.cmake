# Installs the library as a packager would, and moves the result, so that whoever uses it afterwards finds out whether it
# refers to the place where it was installed. Without BUILD_DIR, which has the library already, builds it first.

cmake_policy(VERSION 3.22)
set(staged "${WORK_DIR}/staged")
set(prefix "${WORK_DIR}/prefix")

if(NOT BUILD_DIR)
  set(BUILD_DIR "${WORK_DIR}/build")
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${SOURCE_DIR}" -B "${BUILD_DIR}" ${CONFIGURE_OPTIONS}
      -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF
      -DFANOUT_BUILD_PERF=OFF -DFANOUT_BUILD_TOOL=OFF -DFANOUT_BUILD_EXAMPLES=OFF
    COMMAND_ERROR_IS_FATAL ANY
  )
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD_DIR}" COMMAND_ERROR_IS_FATAL ANY)
endif()

file(REMOVE_RECURSE "${staged}" "${prefix}")
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${BUILD_DIR}" --component development --prefix "${staged}"
  COMMAND_ERROR_IS_FATAL ANY
)
file(RENAME "${staged}" "${prefix}")
