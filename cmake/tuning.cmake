# fanout::tuning: the measurement that finds the right size. It is a library of its own, so that fanout::fanout needs
# nothing but oneTBB.

# Compiled once for two users: the library and the tests.
add_library(fanout_tuning_objects OBJECT
  source/tuning/bootstrap.cpp
  source/tuning/budget.cpp
  source/tuning/comparison.cpp
  source/tuning/comparison_page.cpp
  source/tuning/comparison_report.cpp
  source/tuning/comparison_run.cpp
  source/tuning/comparison_scheduler.cpp
  source/tuning/deadline.cpp
  source/tuning/decision.cpp
  source/tuning/disturbance.cpp
  source/tuning/json_reader.cpp
  source/tuning/ladder.cpp
  source/tuning/machine_load.cpp
  source/tuning/machine_shape.cpp
  source/tuning/number_text.cpp
  source/tuning/profile.cpp
  source/tuning/profile_json.cpp
  source/tuning/proving_ground.cpp
  source/tuning/race.cpp
  source/tuning/reason.cpp
  source/tuning/report.cpp
  source/tuning/report_json.cpp
  source/tuning/report_text.cpp
  source/tuning/resource_use.cpp
  source/tuning/results.cpp
  source/tuning/sweep.cpp
  source/tuning/text_table.cpp
  source/tuning/thread_room.cpp
  source/tuning/tuning.cpp
  source/tuning/utf8.cpp
  source/tuning/whole_file.cpp
)
target_include_directories(fanout_tuning_objects PRIVATE source)
target_link_libraries(fanout_tuning_objects PUBLIC fanout PRIVATE nlohmann_json::nlohmann_json TBB::tbb)
set_target_properties(fanout_tuning_objects PROPERTIES
  CXX_EXTENSIONS OFF
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON
  POSITION_INDEPENDENT_CODE ON
)

# The JSON library is header-only and does not appear in the interface, so users of fanout::tuning do not need it.
add_library(fanout_tuning $<TARGET_OBJECTS:fanout_tuning_objects>)
add_library(fanout::tuning ALIAS fanout_tuning)
target_link_libraries(fanout_tuning PUBLIC fanout PRIVATE TBB::tbb)
set_target_properties(fanout_tuning PROPERTIES
  EXPORT_NAME tuning
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
)
