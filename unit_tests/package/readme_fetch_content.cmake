# The lines of the README for FetchContent, in a project of a user's. URL and hash are those of the tarball of these sources;
# everything else is as the README has it.

cmake_policy(VERSION 3.22)
file(REMOVE_RECURSE "${WORK_DIR}")
file(MAKE_DIRECTORY "${WORK_DIR}/project")
file(COPY_FILE "${TARBALL}" "${WORK_DIR}/fanout.tar.gz")
file(SHA256 "${WORK_DIR}/fanout.tar.gz" hash)

file(READ "${SOURCE_DIR}/README.md" readme)
string(FIND "${readme}" "```cmake\ninclude(FetchContent)\n" begin)
if(begin EQUAL -1)
  message(FATAL_ERROR "README.md has no block that begins with include(FetchContent)")
endif()
string(SUBSTRING "${readme}" ${begin} -1 lines)
string(REGEX REPLACE "^```cmake\n([^`]*)```.*$" "\\1" lines "${lines}")

# write_project(<hash>): the project with the lines.
function(write_project hash)
  string(REGEX REPLACE "https://[^ \n]+" "file://${WORK_DIR}/fanout.tar.gz" lines "${lines}")
  string(REGEX REPLACE "SHA256=<[^>]+>" "SHA256=${hash}" lines "${lines}")
  if(NOT lines MATCHES "URL file://.*SHA256=${hash}")
    message(FATAL_ERROR "The lines of README.md have no URL and hash in which others can be put:\n${lines}")
  endif()
  file(WRITE "${WORK_DIR}/project/lines.cmake" "${lines}")
endfunction()
file(COPY "${CMAKE_CURRENT_LIST_DIR}/main.cpp" DESTINATION "${WORK_DIR}/project")
file(WRITE "${WORK_DIR}/project/CMakeLists.txt" [[
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
add_executable(your_program main.cpp)
set(BUILD_TESTING ON) # for the user's own tests
enable_testing()
get_cmake_property(cache_before CACHE_VARIABLES)
foreach(name IN ITEMS CMAKE_CXX_FLAGS CMAKE_CXX_STANDARD CMAKE_BUILD_TYPE BUILD_TESTING BUILD_SHARED_LIBS CMAKE_MODULE_PATH)
  set(before_${name} "${${name}}")
endforeach()

include(lines.cmake)

foreach(name IN ITEMS CMAKE_CXX_FLAGS CMAKE_CXX_STANDARD CMAKE_BUILD_TYPE BUILD_TESTING BUILD_SHARED_LIBS CMAKE_MODULE_PATH)
  if(NOT "${before_${name}}" STREQUAL "${${name}}")
    message(SEND_ERROR "fanout changes ${name} from '${before_${name}}' to '${${name}}'")
  endif()
endforeach()
get_cmake_property(cache_after CACHE_VARIABLES)
list(REMOVE_ITEM cache_after ${cache_before})
list(FILTER cache_after EXCLUDE REGEX "^(FANOUT_|FETCHCONTENT_|TBB_DIR$|fanout_(BINARY_DIR|SOURCE_DIR|IS_TOP_LEVEL|LIB_DEPENDS)$)")
list(FILTER cache_after EXCLUDE REGEX "^(FIND_PACKAGE_MESSAGE_DETAILS_|CMAKE_HAVE_LIBC_PTHREAD|CMAKE_PROJECT_|_CMAKE_)")
if(cache_after)
  message(SEND_ERROR "fanout leaves these in the user's cache: ${cache_after}")
endif()
get_property(targets DIRECTORY "${fanout_SOURCE_DIR}" PROPERTY BUILDSYSTEM_TARGETS)
list(SORT targets)
if(NOT targets STREQUAL "fanout;fanout_objects")
  message(SEND_ERROR "fanout brings more than its library: ${targets}")
endif()
foreach(directory IN ITEMS "${CMAKE_CURRENT_SOURCE_DIR}" "${fanout_SOURCE_DIR}")
  foreach(property IN ITEMS COMPILE_OPTIONS COMPILE_DEFINITIONS INCLUDE_DIRECTORIES LINK_OPTIONS TESTS)
    get_property(value DIRECTORY "${directory}" PROPERTY ${property})
    if(value)
      message(SEND_ERROR "fanout sets ${property} of ${directory} to '${value}'")
    endif()
  endforeach()
endforeach()
foreach(property IN ITEMS INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS)
  get_target_property(value fanout ${property})
  if(value)
    message(SEND_ERROR "fanout passes ${property} '${value}' on")
  endif()
endforeach()
]])

function(configure)
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${WORK_DIR}/project" -B "${WORK_DIR}/build" ${CONFIGURE_OPTIONS}
      -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG= -DCMAKE_UNITY_BUILD=ON ${ARGN}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output
  )
  set(result "${result}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

# The hash is compared.
string(SHA256 another "${hash}")
write_project("${another}")
configure()
if(result EQUAL 0)
  message(FATAL_ERROR "A tarball with another hash was taken:\n${output}")
endif()

file(REMOVE_RECURSE "${WORK_DIR}/build")
write_project("${hash}")
configure()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${output}")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${WORK_DIR}/build/your_program" COMMAND_ERROR_IS_FATAL ANY)

# The user's project installs nothing, so nothing is installed.
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${WORK_DIR}/build" --prefix "${WORK_DIR}/prefix" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
file(GLOB_RECURSE installed "${WORK_DIR}/prefix/*")
if(installed)
  message(FATAL_ERROR "fanout is installed with a project that did not ask for it: ${installed}")
endif()

# Once it has been fetched, it is there without the tarball.
file(RENAME "${WORK_DIR}/fanout.tar.gz" "${WORK_DIR}/away.tar.gz")
configure(-DFETCHCONTENT_FULLY_DISCONNECTED=ON)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "FETCHCONTENT_FULLY_DISCONNECTED:\n${output}")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# Another compiler gets through the same lines.
if(OTHER_CXX)
  file(RENAME "${WORK_DIR}/away.tar.gz" "${WORK_DIR}/fanout.tar.gz")
  file(REMOVE_RECURSE "${WORK_DIR}/build")
  configure("-DCMAKE_CXX_COMPILER=${OTHER_CXX}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${OTHER_CXX}:\n${output}")
  endif()
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK_DIR}/build" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${WORK_DIR}/build/your_program" COMMAND_ERROR_IS_FATAL ANY)
endif()
