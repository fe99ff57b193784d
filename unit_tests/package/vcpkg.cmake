# Runs the port of vcpkg on the unpacked sources, with vcpkg_functions.cmake in place of vcpkg's own; then builds and runs
# programs by the lines of `usage`, against the debug libraries and against the others.

cmake_policy(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/vcpkg_functions.cmake")
file(REMOVE_RECURSE "${WORK_DIR}")

set(PORT fanout)
set(CURRENT_PORT_DIR "${SOURCES}/packaging/vcpkg/ports/fanout")
set(CURRENT_BUILDTREES_DIR "${WORK_DIR}/buildtrees")
set(CURRENT_PACKAGES_DIR "${WORK_DIR}/packages")

# What the manifest says.
file(READ "${CURRENT_PORT_DIR}/vcpkg.json" manifest)
string(JSON version GET "${manifest}" version)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "vcpkg.json has version ${version}, and fanout is ${VERSION}")
endif()
string(JSON features LENGTH "${manifest}" features)
foreach(feature IN ITEMS tool tuning)
  string(JSON description GET "${manifest}" features ${feature} description)
endforeach()
if(NOT features EQUAL 2)
  message(FATAL_ERROR "vcpkg.json has ${features} features; test all of them")
endif()

include("${CURRENT_PORT_DIR}/portfile.cmake")

foreach(unwanted IN ITEMS debug/include debug/share lib/cmake bin debug/bin)
  if(EXISTS "${CURRENT_PACKAGES_DIR}/${unwanted}")
    message(FATAL_ERROR "vcpkg refuses a package with ${unwanted}")
  endif()
endforeach()
file(SHA256 "${CURRENT_PACKAGES_DIR}/share/fanout/copyright" installed)
file(SHA256 "${SOURCES}/LICENSE" licence)
if(NOT installed STREQUAL licence)
  message(FATAL_ERROR "share/fanout/copyright is not the licence")
endif()

# Programs, as `usage` says. They are built in a prefix of another name, and for the features alone that there are.
file(RENAME "${CURRENT_PACKAGES_DIR}" "${WORK_DIR}/installed")
file(READ "${WORK_DIR}/installed/share/fanout/usage" usage)
string(REGEX MATCHALL "\n    find_package[^\n]+\n    target_link[^\n]+" ways "${usage}")
list(LENGTH ways count)
if(NOT count EQUAL 2)
  message(FATAL_ERROR "usage shows ${count} ways to use fanout, and not 2:\n${usage}")
endif()
set(sources main.cpp find_component/main.cpp)
foreach(way source IN ZIP_LISTS ways sources)
  if(way MATCHES "COMPONENTS tuning" AND NOT "tuning" IN_LIST FEATURES)
    continue()
  endif()
  file(REMOVE_RECURSE "${WORK_DIR}/program")
  file(WRITE "${WORK_DIR}/program/CMakeLists.txt"
    "cmake_minimum_required(VERSION 3.22)\nproject(program LANGUAGES CXX)\n"
    "add_executable(main \"${CMAKE_CURRENT_LIST_DIR}/${source}\")\n${way}\n")
  foreach(type IN LISTS build_types)
    set(build "${WORK_DIR}/program/${type}")
    execute_process(
      COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${WORK_DIR}/program" -B "${build}" ${CONFIGURE_OPTIONS}
        -DCMAKE_BUILD_TYPE=${type} "-DCMAKE_PREFIX_PATH=${WORK_DIR}/installed"
      OUTPUT_QUIET ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY
    )
    execute_process(
      COMMAND "${CMAKE_COMMAND}" --build "${build}" --verbose OUTPUT_VARIABLE commands COMMAND_ERROR_IS_FATAL ANY
    )
    string(FIND "${commands}" "/installed/debug/lib/libfanout" links_debug)
    if((type STREQUAL "Debug" AND links_debug EQUAL -1) OR (type STREQUAL "Release" AND NOT links_debug EQUAL -1))
      message(FATAL_ERROR "A ${type} program is linked with the wrong library:\n${commands}")
    endif()
    execute_process(COMMAND "${build}/main" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
endforeach()

if("tool" IN_LIST FEATURES)
  set(ENV{LD_LIBRARY_PATH} "${WORK_DIR}/installed/lib") # vcpkg writes that into the tools that it moves
  execute_process(
    COMMAND "${WORK_DIR}/installed/tools/fanout/fanout" --version OUTPUT_VARIABLE says COMMAND_ERROR_IS_FATAL ANY
  )
  if(NOT says MATCHES "${VERSION}")
    message(FATAL_ERROR "The tool is version ${says}, and not ${VERSION}")
  endif()
endif()
