#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "model.hpp"
#include "record.hpp"

/// Tests of the model: records that are made to break a promise.
namespace stress {

inline std::string all(const std::vector<std::string>& violations) {
  std::string text;
  for (const std::string& each : violations) text += each + '\n';
  return text;
}

/// A batch as it must be, and one promise that it is made to break.
struct planted {
  const char* name;
  batch_record (*good)();
  std::function<void(batch_record&)> spoil;
  const char* reported;  // part of what the model says

  friend void PrintTo(const planted& each, std::ostream* out) { *out << each.name; }
};

inline void expect_to_be_reported(const planted& violation) {
  batch_record record = violation.good();
  ASSERT_EQ(all(model::violations(record)), "") << "before anything is planted";
  violation.spoil(record);
  EXPECT_NE(all(model::violations(record)).find(violation.reported), std::string::npos)
      << "reported is:\n"
      << all(model::violations(record));
}

}  // namespace stress
