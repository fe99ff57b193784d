# expect_line(<file> <line>): fails unless the file has the line.
function(expect_line file line)
  file(STRINGS "${file}" lines)
  if(NOT line IN_LIST lines)
    list(JOIN lines "\n" text)
    message(FATAL_ERROR "${file} has no line '${line}':\n${text}")
  endif()
endfunction()
