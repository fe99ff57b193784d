# The presets must be readable by the oldest CMake that fanout supports. The workflows, which only CMake 3.25 knows,
# must work where a developer includes them, as CONTRIBUTING.md says.

cmake_policy(VERSION 3.22)
file(READ "${SOURCE_DIR}/CMakePresets.json" presets)
string(JSON version GET "${presets}" version)
if(version GREATER 3)
  message(FATAL_ERROR "CMakePresets.json has version ${version}; CMake 3.22 reads up to 3")
endif()

if(CMAKE_VERSION VERSION_LESS 3.25)
  return()
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
file(COPY "${SOURCE_DIR}/CMakePresets.json" DESTINATION "${WORK_DIR}")
file(COPY "${SOURCE_DIR}/cmake/workflows.json" DESTINATION "${WORK_DIR}/cmake")
file(WRITE "${WORK_DIR}/CMakeUserPresets.json" [[{"version": 6, "include": ["cmake/workflows.json"]}]])
execute_process(
  COMMAND "${CMAKE_COMMAND}" --workflow --list-presets
  WORKING_DIRECTORY "${WORK_DIR}" OUTPUT_VARIABLE list COMMAND_ERROR_IS_FATAL ANY
)
foreach(workflow IN ITEMS dev asan tsan tidy release)
  if(NOT list MATCHES "\"${workflow}\"")
    message(FATAL_ERROR "the workflow ${workflow} is not offered:\n${list}")
  endif()
endforeach()
