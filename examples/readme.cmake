# The example in the README is the one that is built and run.

cmake_policy(VERSION 3.22)
file(READ "${SOURCE_DIR}/README.md" readme)
file(READ "${SOURCE_DIR}/examples/quick_start.cpp" example)
string(FIND "${readme}" "```cpp\n${example}```" found)
if(found EQUAL -1)
  message(FATAL_ERROR "README.md does not show examples/quick_start.cpp as it is")
endif()
