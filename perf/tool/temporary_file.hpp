#pragma once

#include "descriptor.hpp"

namespace tool {

/// Opens a file without a name in the directory that TMPDIR names, or in /tmp; it is gone when the last descriptor of
/// it is closed. `access` is O_WRONLY or O_RDWR. Throws `std::system_error`, which names the directory.
descriptor open_temporary_file(int access);

}  // namespace tool
