#include "temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace tool {

descriptor open_temporary_file(int access) {
  const char* const named = std::getenv("TMPDIR");
  const bool by_user = named != nullptr && *named != '\0';
  const std::string directory = by_user ? named : "/tmp";
  const auto fail = [&](int code) {
    throw std::system_error(
        code, std::generic_category(),
        "cannot write a temporary file in '" + directory + "'" + (by_user ? ", which TMPDIR names" : ""));
  };
  descriptor file(open(directory.c_str(), O_TMPFILE | access | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR) fail(errno);
  std::string name = directory + "/fanout-XXXXXX";  // for file systems without unnamed files
  file = descriptor(mkostemp(name.data(), O_CLOEXEC));
  if (!file.is_open()) fail(errno);
  unlink(name.c_str());
  return file;
}

}  // namespace tool
