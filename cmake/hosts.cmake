# The libraries that include/fanout/adapters gives fanout's threads to: their hosts. A host that is found is a target
# host_<name>; for one that is not, fanout_no_<name> says what to install on Debian. Nobody else links them.

set(fanout_hosts opencv fftw openexr eigen)

# fanout_add_host(<name> <Debian package> <target>): the target, if there is one.
macro(fanout_add_host name package target)
  set(fanout_no_${name} "")
  if(TARGET ${target})
    add_library(host_${name} INTERFACE)
    target_link_libraries(host_${name} INTERFACE ${target})
  else()
    set(fanout_no_${name} "there is no ${package}")
  endif()
endmacro()

# fanout_find_library(<name> <header> <library>...): the target found_<name>, for a host without files for CMake.
function(fanout_find_library name header)
  find_path(FANOUT_${name}_INCLUDE ${header} PATH_SUFFIXES opencv4)
  mark_as_advanced(FANOUT_${name}_INCLUDE)
  set(found ${FANOUT_${name}_INCLUDE})
  set(libraries "")
  foreach(library IN LISTS ARGN)
    find_library(FANOUT_${library}_LIBRARY ${library})
    mark_as_advanced(FANOUT_${library}_LIBRARY)
    list(APPEND libraries ${FANOUT_${library}_LIBRARY})
    if(NOT FANOUT_${library}_LIBRARY)
      set(found OFF)
    endif()
  endforeach()
  if(found)
    add_library(found_${name} INTERFACE)
    target_include_directories(found_${name} SYSTEM INTERFACE "${FANOUT_${name}_INCLUDE}")
    target_link_libraries(found_${name} INTERFACE ${libraries} Threads::Threads)
  endif()
endfunction()

# Debian's files for CMake want all of OpenCV, and FFTW has none.
fanout_find_library(opencv opencv2/imgproc.hpp opencv_imgproc opencv_core)
fanout_find_library(fftw fftw3.h fftw3_threads fftw3)
find_package(OpenEXR CONFIG QUIET)
find_package(Eigen3 CONFIG QUIET)

fanout_add_host(opencv libopencv-imgproc-dev found_opencv)
fanout_add_host(fftw libfftw3-dev found_fftw)
fanout_add_host(openexr libopenexr-dev OpenEXR::OpenEXR)
fanout_add_host(eigen libeigen3-dev Eigen3::Eigen)

if(TARGET host_eigen AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # The standard library's own use of std::result_of, for what Eigen gives to std::bind.
  target_compile_options(host_eigen INTERFACE -Wno-deprecated-declarations)
endif()
