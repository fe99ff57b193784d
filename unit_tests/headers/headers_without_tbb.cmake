# Compiles <fanout/fanout.hpp> where every header of oneTBB is poisoned, and reads the list of the files that
# the compiler opened: so a header of oneTBB is found out even where a test machine has it in an unusual place.

cmake_policy(VERSION 3.22)
set(poison "${WORK_DIR}/poison")
file(REMOVE_RECURSE "${poison}")
set(tbb_headers tbb/tbb.h oneapi/tbb.h)
foreach(directory IN LISTS TBB_INCLUDE_DIRS)
  file(GLOB found RELATIVE "${directory}" "${directory}/tbb/*.h" "${directory}/oneapi/tbb/*.h")
  list(APPEND tbb_headers ${found})
endforeach()
foreach(header IN LISTS tbb_headers)
  file(WRITE "${poison}/${header}" "#error \"<${header}> is included\"\n")
endforeach()

set(program "${WORK_DIR}/program.cpp")
file(WRITE "${program}" "#include <fanout/fanout.hpp>\n")
execute_process(
  COMMAND "${CXX}" "-I${poison}" ${FLAGS} -fsyntax-only "${program}"
  RESULT_VARIABLE exit_code OUTPUT_VARIABLE output ERROR_VARIABLE output
)
if(NOT exit_code EQUAL 0)
  message(FATAL_ERROR "<fanout/fanout.hpp> does not compile without oneTBB's headers:\n${output}")
endif()

# The preprocessor's line markers name the files it read. (-M names some it only asked for: libstdc++ looks whether
# <tbb/tbb.h> exists, and clang takes the question for a dependency.)
execute_process(
  COMMAND "${CXX}" ${FLAGS} -E "${program}" OUTPUT_VARIABLE preprocessed COMMAND_ERROR_IS_FATAL ANY
)
string(REGEX MATCHALL "\n# [0-9]+ \"[^\"\n]*/(include|oneapi)/tbb[/.][^\"\n]*\"" opened "${preprocessed}")
if(opened)
  message(FATAL_ERROR "<fanout/fanout.hpp> includes: ${opened}")
elseif(NOT preprocessed MATCHES "\n# [0-9]+ \"[^\"\n]*fanout/fanout\\.hpp\"")
  message(FATAL_ERROR "the preprocessor's line markers are not understood")
endif()

# The poison works: what needs oneTBB must not compile with it.
file(WRITE "${program}" "#include <fanout/native_tbb.hpp>\n")
execute_process(
  COMMAND "${CXX}" "-I${poison}" ${FLAGS} -fsyntax-only "${program}"
  RESULT_VARIABLE exit_code OUTPUT_QUIET ERROR_QUIET
)
if(exit_code EQUAL 0)
  message(FATAL_ERROR "the poisoned headers were not found: this test proves nothing")
endif()
