# What `cmake --install` puts below the prefix: headers, libraries, CMake package, pkg-config file and, if built, the
# tool. Everything refers to its own place, so the tree may be moved afterwards. The components are the packages of
# package.cmake.

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
install(EXPORT fanoutTargets NAMESPACE fanout:: DESTINATION "${fanout_cmake_dir}")

# The component tuning: what a user gets who asks for it, in a file of its own.
if(FANOUT_BUILD_TUNING)
  file(GLOB fanout_tuning_headers include/fanout/tuning*.hpp)
  install(FILES ${fanout_tuning_headers} DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/fanout")
  if(fanout_type STREQUAL "SHARED_LIBRARY")
    set_target_properties(fanout_tuning PROPERTIES INSTALL_RPATH "$ORIGIN") # where the core is
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

# A static library passes the need for oneTBB on to whoever links it; a shared one has taken care of it. What was compiled
# with the headers of one version calls functions that older ones need not have.
set(fanout_config_dependencies "find_dependency(Threads)")
set(fanout_pc_requires_private "")
if(fanout_type STREQUAL "STATIC_LIBRARY")
  string(APPEND fanout_config_dependencies "\nfind_dependency(TBB ${TBB_VERSION} CONFIG)")
  set(fanout_pc_requires_private "Requires.private: tbb >= ${TBB_VERSION}\n")
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

# The full paths let packagers choose absolute directories, too.
set(fanout_pkgconfig_full_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
foreach(place IN ITEMS LIBDIR INCLUDEDIR)
  file(RELATIVE_PATH relative "${fanout_pkgconfig_full_dir}" "${CMAKE_INSTALL_FULL_${place}}")
  string(REGEX REPLACE "/$" "" relative "${relative}")
  set(fanout_pc_${place} "\${pcfiledir}/${relative}")
endforeach()
configure_file(cmake/fanout.pc.in "${PROJECT_BINARY_DIR}/fanout.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/fanout.pc" DESTINATION "${fanout_pkgconfig_dir}")
