# What `cmake --install` puts below the prefix: headers, libraries, the CMake package, pkg-config files, a list for
# ThreadSanitizer and, if built, the tool. All paths are relative, so the installed tree may be moved. The components are the packages of package.cmake.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(fanout_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/fanout")
set(fanout_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
get_target_property(fanout_type fanout TYPE)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME development)
install(
  DIRECTORY include/fanout DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp" PATTERN "tuning*.hpp" EXCLUDE
)
install(TARGETS fanout EXPORT fanoutTargets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES cmake/tsan.supp DESTINATION "${CMAKE_INSTALL_DATADIR}/fanout")
install(EXPORT fanoutTargets NAMESPACE fanout:: DESTINATION "${fanout_cmake_dir}")

# The component tuning has a file of its own: find_package reads it only if COMPONENTS names it.
if(FANOUT_BUILD_TUNING)
  file(GLOB fanout_tuning_headers include/fanout/tuning*.hpp)
  install(FILES ${fanout_tuning_headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fanout")
  if(fanout_type STREQUAL "SHARED_LIBRARY")
    set_target_properties(fanout_tuning PROPERTIES INSTALL_RPATH "$ORIGIN") # the directory of libfanout
  endif()
  install(TARGETS fanout_tuning EXPORT fanoutTuningTargets INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT fanoutTuningTargets NAMESPACE fanout:: DESTINATION "${fanout_cmake_dir}")
endif()

if(FANOUT_BUILD_TOOL)
  if(fanout_type STREQUAL "SHARED_LIBRARY")
    file(RELATIVE_PATH libdir_from_bindir "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
    set_target_properties(fanout_tool PROPERTIES INSTALL_RPATH "$ORIGIN/${libdir_from_bindir}")
  endif()
  install(TARGETS fanout_tool COMPONENT tool)
endif()

# Programs that link the static library need oneTBB as well. The shared library brings it along.
set(fanout_config_dependencies "find_dependency(Threads)")
set(fanout_pc_requires "")
if(fanout_type STREQUAL "STATIC_LIBRARY")
  string(APPEND fanout_config_dependencies "\nfind_dependency(TBB ${fanout_tbb_version} CONFIG)")
  # Not Requires.private: `pkg-config --libs` must do without --static, because there is no shared library to link.
  set(fanout_pc_requires "Requires: tbb >= ${fanout_tbb_version}\n")
endif()

configure_package_config_file(
  cmake/fanoutConfig.cmake.in "${PROJECT_BINARY_DIR}/fanoutConfig.cmake"
  INSTALL_DESTINATION "${fanout_cmake_dir}"
  NO_SET_AND_CHECK_MACRO
)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fanoutConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/fanoutConfig.cmake" "${PROJECT_BINARY_DIR}/fanoutConfigVersion.cmake"
  DESTINATION "${fanout_cmake_dir}"
)

# Computed from the full paths, because packagers may choose absolute directories.
set(fanout_pkgconfig_full_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
foreach(place IN ITEMS LIBDIR INCLUDEDIR DATADIR)
  file(RELATIVE_PATH relative "${fanout_pkgconfig_full_dir}" "${CMAKE_INSTALL_FULL_${place}}")
  string(REGEX REPLACE "/$" "" relative "${relative}")
  set(fanout_pc_${place} "\${pcfiledir}/${relative}")
endforeach()
set(fanout_pc_libs "${CMAKE_THREAD_LIBS_INIT}")
if(fanout_type STREQUAL "STATIC_LIBRARY" AND CMAKE_DL_LIBS) # dlopen, which is in a library of its own before glibc 2.34
  string(APPEND fanout_pc_libs " -l${CMAKE_DL_LIBS}")
endif()
set(fanout_pc_files fanout.pc)
if(FANOUT_BUILD_TUNING)
  list(APPEND fanout_pc_files fanout-tuning.pc)
endif()
foreach(file IN LISTS fanout_pc_files)
  configure_file(cmake/${file}.in "${PROJECT_BINARY_DIR}/${file}" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${file}" DESTINATION "${fanout_pkgconfig_dir}")
endforeach()
