// In place of the header of the same name: a version that CMake finds here only, and what fanout calls.
#define TBB_VERSION_MAJOR 2021
#define TBB_VERSION_MINOR 99

extern "C" const char* TBB_runtime_version();
