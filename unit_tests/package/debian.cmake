# Makes the Debian packages of this build with cpack, and checks their fields and their files.

cmake_policy(VERSION 3.22)
file(REMOVE_RECURSE "${WORK_DIR}")
execute_process(
  COMMAND "${CPACK}" --config "${BUILD_DIR}/CPackConfig.cmake" -B "${WORK_DIR}"
  WORKING_DIRECTORY "${BUILD_DIR}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)

function(find_the_package name)
  file(GLOB found "${WORK_DIR}/${name}_${VERSION}_*.deb")
  if(NOT found)
    file(GLOB made "${WORK_DIR}/*.deb")
    message(FATAL_ERROR "there is no ${name}_${VERSION}, but: ${made}")
  endif()
  set(package "${found}" PARENT_SCOPE)
endfunction()

function(check_field field expected)
  execute_process(
    COMMAND "${DPKG_DEB}" --field "${package}" "${field}"
    OUTPUT_VARIABLE value OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
  )
  if(NOT value MATCHES "${expected}")
    message(SEND_ERROR "${package}: ${field} is '${value}', which does not match '${expected}'")
  endif()
endfunction()

# Sets files to the files of the package. Modes and owners must be those that Debian prescribes.
function(list_files)
  execute_process(
    COMMAND "${DPKG_DEB}" --contents "${package}" OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY
  )
  string(REGEX REPLACE "\n$" "" listing "${listing}")
  string(REPLACE "\n" ";" listing "${listing}")
  set(files "")
  foreach(line IN LISTS listing)
    if(NOT line MATCHES "^(d|-)rw[-x]r-[-x]r-[-x] +root/root +[0-9]+ [^ ]+ [^ ]+ \\./(.*)$")
      message(SEND_ERROR "${package}: an unusual entry: ${line}")
    elseif(CMAKE_MATCH_1 STREQUAL "-")
      list(APPEND files "${CMAKE_MATCH_2}")
    endif()
  endforeach()
  set(files "${files}" PARENT_SCOPE)
endfunction()

function(check_files)
  list(SORT ARGN)
  list(SORT files)
  if(NOT files STREQUAL "${ARGN}")
    string(REPLACE ";" "\n  " files "${files}")
    string(REPLACE ";" "\n  " expected "${ARGN}")
    message(SEND_ERROR "${package} contains\n  ${files}\nand not\n  ${expected}")
  endif()
endfunction()

file(GLOB_RECURSE headers RELATIVE "${SOURCE_DIR}/include" "${SOURCE_DIR}/include/*.hpp")
list(TRANSFORM headers PREPEND usr/include/)

find_the_package(libfanout-dev)
check_field(Package "^libfanout-dev$")
check_field(Version "^${VERSION}$")
check_field(Section "^libdevel$")
check_field(Depends "^libtbb-dev \\(>= ${TBB_VERSION}\\)$")
check_field(Maintainer ".")
check_field(Description "^[a-z].*\n .*\n")
list_files()
check_files(
  ${headers}
  usr/${LIBDIR}/libfanout.a
  usr/${LIBDIR}/libfanout_tuning.a
  usr/${LIBDIR}/pkgconfig/fanout.pc
  usr/${LIBDIR}/pkgconfig/fanout-tuning.pc
  usr/${LIBDIR}/cmake/fanout/fanoutConfig.cmake
  usr/${LIBDIR}/cmake/fanout/fanoutConfigVersion.cmake
  usr/${LIBDIR}/cmake/fanout/fanoutTargets.cmake
  usr/${LIBDIR}/cmake/fanout/fanoutTargets-${BUILD_TYPE}.cmake
  usr/${LIBDIR}/cmake/fanout/fanoutTuningTargets.cmake
  usr/${LIBDIR}/cmake/fanout/fanoutTuningTargets-${BUILD_TYPE}.cmake
  usr/share/doc/libfanout-dev/changelog.gz
  usr/share/doc/libfanout-dev/copyright
  usr/share/fanout/tsan.supp
)

find_the_package(fanout-tool)
check_field(Package "^fanout-tool$")
check_field(Version "^${VERSION}$")
check_field(Section "^devel$")
foreach(library IN ITEMS libc6 libfmt libstdc.. libtbb libzstd)
  check_field(Depends "(^|, )${library}[^ ]* \\(>= ")
endforeach()
check_field(Maintainer ".")
check_field(Description "^[a-z].*\n .*\n")
list_files()
check_files(
  usr/bin/fanout
  usr/share/doc/fanout-tool/changelog.gz
  usr/share/doc/fanout-tool/copyright
)
