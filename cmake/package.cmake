# What `cpack` makes of a build: the Debian packages libfanout-dev and fanout-tool. There are none of a shared library:
# Debian names such a package by its binary interface, which any minor version may break before 1.0.

if(NOT fanout_type STREQUAL "STATIC_LIBRARY")
  return()
endif()

# The maintainer of the packages is the author of the last commit, unless CPACK_PACKAGE_CONTACT names another.
if(NOT CPACK_PACKAGE_CONTACT)
  find_program(FANOUT_GIT git)
  if(FANOUT_GIT)
    execute_process(
      COMMAND "${FANOUT_GIT}" -C "${PROJECT_SOURCE_DIR}" log -1 "--format=%an <%ae>"
      OUTPUT_VARIABLE CPACK_PACKAGE_CONTACT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
    )
  endif()
  if(NOT CPACK_PACKAGE_CONTACT)
    set(CPACK_PACKAGE_CONTACT "whoever built this package")
  endif()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fanout)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "batches of independent tasks on a oneTBB arena") # of both packages
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_COMPONENTS_ALL development)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libfanout-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libtbb-dev (>= ${fanout_tbb_version})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"A C++20 library that runs a batch of independent tasks, never more than N at
once, and hands the results back in input order: with progress, cancellation,
pooled resources, and errors that say which task failed.

This package contains the static library, its headers, and files for CMake and
pkg-config.")

if(FANOUT_BUILD_TOOL)
  list(APPEND CPACK_COMPONENTS_ALL tool)
  set(CPACK_DEBIAN_TOOL_PACKAGE_NAME fanout-tool)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION devel)
  set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
  set(CPACK_COMPONENT_TOOL_DESCRIPTION
"This package contains the command fanout. It runs a workload, or any command
over a list of inputs, with several numbers of threads, and recommends the
smallest that is as good as the best. It also compares the scheduling of the
library fanout with that of hand-written schedulers.")
endif()

# Debian requires a licence and a changelog in each package. `cmake --install` leaves them out.
string(TIMESTAMP fanout_package_date "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH, if set
foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER "${component}" upper)
  set(fanout_package "${CPACK_DEBIAN_${upper}_PACKAGE_NAME}")
  set(directory "${PROJECT_BINARY_DIR}/debian/${fanout_package}")
  configure_file(cmake/debian/changelog.in "${directory}/changelog" @ONLY)
  file(ARCHIVE_CREATE
    OUTPUT "${directory}/changelog.gz" PATHS "${directory}/changelog" FORMAT raw COMPRESSION GZip COMPRESSION_LEVEL 9)
  install(
    FILES "${directory}/changelog.gz" cmake/debian/copyright
    DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${fanout_package}" COMPONENT "${component}" EXCLUDE_FROM_ALL
  )
endforeach()

include(CPack)
