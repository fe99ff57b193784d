// expect: an item that can be read only once must be taken by value, const& or &&
#include <string>
#include <vector>

#include "../calls/proxies.hpp"
#include <fanout/fanout.hpp>

void wrong_use() {
  std::vector<std::string> words(3);
  fanout::stream_in_parallel(support::read_once(words), [](std::string& word) { return word += '.'; });
}
