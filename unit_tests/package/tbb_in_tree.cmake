# A project that contains oneTBB as well as fanout, each as a subdirectory, and installs fanout alone. Whatever kind of target
# TBB::tbb is there, fanout takes it, and can be installed. With the target that is built, a program is built and run.

cmake_policy(VERSION 3.22)
include("${CMAKE_CURRENT_LIST_DIR}/expect_line.cmake")
file(REMOVE_RECURSE "${WORK_DIR}")

foreach(kind IN ITEMS library imported configured)
  foreach(shared IN ITEMS OFF ON)
    set(build "${WORK_DIR}/${kind}_${shared}")
    execute_process(
      COMMAND "${CMAKE_COMMAND}" -G ${GENERATOR} -S "${CMAKE_CURRENT_LIST_DIR}/add_subdirectory" -B "${build}"
        ${CONFIGURE_OPTIONS} -DTBB_FROM=subdirectory -DTBB_KIND=${kind} -DBUILD_SHARED_LIBS=${shared} -DFANOUT_INSTALL=ON
        -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG= -DCMAKE_UNITY_BUILD=ON
      OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
    )
    if(NOT shared)
      expect_line("${build}/fanout/fanoutConfig.cmake" "find_dependency(TBB 2021.99 CONFIG)")
    endif()
  endforeach()
endforeach()

set(build "${WORK_DIR}/library_OFF")
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${build}/consumer" COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND "${CMAKE_COMMAND}" --install "${build}" --prefix "${WORK_DIR}/prefix" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY
)
file(READ "${WORK_DIR}/prefix/${LIBDIR}/cmake/fanout/fanoutTargets.cmake" targets)
if(NOT targets MATCHES "TBB::tbb" OR targets MATCHES "fanout_tbb")
  message(FATAL_ERROR "The installed package must link TBB::tbb by that name:\n${targets}")
endif()
