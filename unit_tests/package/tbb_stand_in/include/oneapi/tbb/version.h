// Read by CMake only. The headers of the system include their own version.h.
#define TBB_VERSION_MAJOR 2021
#define TBB_VERSION_MINOR 99
