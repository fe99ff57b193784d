# Makes what a release of the sources is: fanout-<version>.tar.gz with one folder of that name, and next to it that folder,
# unpacked, for the tests of what builds from it. What is not needed to build the library and the tool is left out.

cmake_policy(VERSION 3.22)
set(name "fanout-${VERSION}")
file(REMOVE_RECURSE "${WORK_DIR}")
foreach(part IN ITEMS CMakeLists.txt LICENSE README.md cmake include source perf packaging)
  file(COPY "${SOURCE_DIR}/${part}" DESTINATION "${WORK_DIR}/packed/${name}")
endforeach()
execute_process(
  COMMAND "${CMAKE_COMMAND}" -E tar czf "${WORK_DIR}/${name}.tar.gz" "${name}"
  WORKING_DIRECTORY "${WORK_DIR}/packed" COMMAND_ERROR_IS_FATAL ANY
)
file(REMOVE_RECURSE "${WORK_DIR}/packed")
file(ARCHIVE_EXTRACT INPUT "${WORK_DIR}/${name}.tar.gz" DESTINATION "${WORK_DIR}")
