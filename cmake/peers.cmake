# The libraries that Debian does not package: what scripts/peers has installed in FANOUT_PEERS_PREFIX, for the benchmarks
# and for the programs of docs/coming-from.md. A peer that is found is a target peer_<name>; for one that is not,
# fanout_no_<name> says why.

set(FANOUT_PEERS_PREFIX "" CACHE PATH "Where scripts/peers has installed dispenso, Taskflow, BS::thread_pool and parlaylib")

# Nothing is remembered from another prefix, and nothing is taken from elsewhere.
unset(Dispenso_DIR CACHE)
unset(Taskflow_DIR CACHE)
unset(bs_thread_pool_include)
unset(parlaylib_include)
if(FANOUT_PEERS_PREFIX)
  find_package(Dispenso CONFIG QUIET PATHS "${FANOUT_PEERS_PREFIX}" NO_DEFAULT_PATH)
  find_package(Taskflow CONFIG QUIET PATHS "${FANOUT_PEERS_PREFIX}" NO_DEFAULT_PATH)
  find_path(bs_thread_pool_include BS_thread_pool.hpp PATHS "${FANOUT_PEERS_PREFIX}/include" NO_DEFAULT_PATH NO_CACHE)
  find_path(parlaylib_include parlay/parallel.h PATHS "${FANOUT_PEERS_PREFIX}/include" NO_DEFAULT_PATH NO_CACHE)
endif()

# fanout_add_peer(<name> [TARGET <target> | INCLUDE <directory>]): what was found of it.
macro(fanout_add_peer name kind found)
  set(fanout_no_${name} "")
  if("${kind}" STREQUAL "TARGET" AND TARGET ${found})
    add_library(peer_${name} INTERFACE)
    target_link_libraries(peer_${name} INTERFACE ${found} Threads::Threads)
  elseif("${kind}" STREQUAL "INCLUDE" AND NOT "${found}" MATCHES "^$|-NOTFOUND$")
    add_library(peer_${name} INTERFACE)
    target_include_directories(peer_${name} SYSTEM INTERFACE "${found}")
    target_link_libraries(peer_${name} INTERFACE Threads::Threads)
  elseif(FANOUT_PEERS_PREFIX)
    set(fanout_no_${name} "${name} is not in ${FANOUT_PEERS_PREFIX}")
  else()
    set(fanout_no_${name} "FANOUT_PEERS_PREFIX is empty, see scripts/peers")
  endif()
endmacro()

fanout_add_peer(dispenso TARGET Dispenso::dispenso)
fanout_add_peer(taskflow TARGET Taskflow::Taskflow)
fanout_add_peer(bs_thread_pool INCLUDE "${bs_thread_pool_include}")
fanout_add_peer(parlaylib INCLUDE "${parlaylib_include}")

if(TARGET peer_dispenso AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 believes that the queue in its headers overflows a buffer, in any code that it is inlined into.
  target_compile_options(peer_dispenso INTERFACE -Wno-stringop-overflow)
endif()
