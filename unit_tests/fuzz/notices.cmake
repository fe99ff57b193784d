# Runs a target with a fault planted, which must end badly and name the input that met it, and without, which must not.
#   -DTARGET=… -DPLANT=crash|exception|hang -DINPUT=<folder>

execute_process(COMMAND "${TARGET}" -timeout=1 "${INPUT}" RESULT_VARIABLE result ERROR_VARIABLE told)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "Without a fault the target ended with ${result}:\n${told}")
endif()

set(ENV{FANOUT_PLANTED} ${PLANT})
execute_process(COMMAND "${TARGET}" -timeout=1 "${INPUT}" RESULT_VARIABLE result ERROR_VARIABLE told)
if(result EQUAL 0)
  message(FATAL_ERROR "The planted ${PLANT} went unnoticed:\n${told}")
endif()
if(NOT told MATCHES "met_by_the_fault\n[^/]*$")
  message(FATAL_ERROR "The last input that was named must be the one that met the planted ${PLANT}:\n${told}")
endif()
message(STATUS "Noticed: ${result}")
