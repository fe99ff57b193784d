#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fanout/tuning.hpp"
#include "support.hpp"
#include "tuning/example_results.hpp"

namespace {

using fanout::tuning_error;
using fanout::tuning_report;
using support::some_results;

constexpr std::string_view prefix = "the tuning report cannot be read: ";

/// What is said of a text, without the beginning that is always the same.
std::string refusal_of(std::string_view text) {
  const auto message = support::message_of<tuning_error>([&] { tuning_report::from_json(text); });
  return message.substr(0, prefix.size()) == prefix ? message.substr(prefix.size()) : "without prefix: " + message;
}

/// The JSON of a report with the first occurrence of some text replaced.
std::string with(const std::string& old, const std::string& replacement) {
  std::string text = tuning_report(some_results()).to_json();
  const auto place = text.find(old);
  EXPECT_NE(place, std::string::npos) << old;
  return text.replace(place, old.size(), replacement);
}

TEST(TuningJson, GivesTheSameReportBack) {
  const tuning_report report(some_results());
  EXPECT_EQ(tuning_report::from_json(report.to_json()), report);
  EXPECT_EQ(tuning_report::from_json(report.to_json()).to_json(), report.to_json());
}

TEST(TuningJson, GivesNamesOfAllKindsBack) {
  for (const char* name : {"", "Größe …", "\"quoted\" \\ \n \x1b \x7f", "\xf0\x9f\x98\x80"}) {
    auto results = some_results();
    results.workload = name;
    results.machine.quota.reset();
    const tuning_report report(results);
    EXPECT_EQ(tuning_report::from_json(report.to_json()), report) << name;
  }
}

TEST(TuningJson, NamesItsSchemaAndVersionFirst) {
  EXPECT_EQ(tuning_report(some_results()).to_json().substr(0, 49),
            "{\n  \"schema\": \"fanout-tuning\",\n  \"version\": 1,\n  ");
}

TEST(TuningJson, PassesOverMembersItDoesNotKnow) {
  EXPECT_EQ(tuning_report::from_json(with("\"version\": 1,", "\"version\": 1, \"later\": [{\"x\": 1}],")),
            tuning_report(some_results()));
}

TEST(TuningJson, ReadsWhatEarlierVersionsOfTheLibraryWrote) {
  std::string text = tuning_report(some_results()).to_json();
  auto results = some_results();
  results.tasks.reset();
  results.other_load.reset();
  results.steal.reset();
  for (auto& row : results.rows) {
    row.core_wait_seconds.reset();
    row.steal_seconds.reset();
  }
  for (const char* later : {"tasks", "busy", "other_load", "steal", "core_wait_seconds", "steal_seconds"}) {
    for (auto at = text.find("\"" + std::string(later) + "\""); at != std::string::npos;
         at = text.find("\"" + std::string(later) + "\"")) {
      const auto begin = text.rfind('\n', at);
      const auto end = text.find('\n', at);
      const bool is_last = text[end - 1] != ',';
      text.erase(begin - (is_last ? 1 : 0), end - begin + (is_last ? 1 : 0));
    }
  }
  EXPECT_EQ(tuning_report::from_json(text), tuning_report(results)) << text;
}

TEST(TuningJson, RefusesALaterVersion) {
  EXPECT_EQ(refusal_of(with("\"version\": 1", "\"version\": 2")),
            "version is 2, this library reads version 1: it is too old");
  EXPECT_EQ(refusal_of(with("\"version\": 1", "\"version\": 0")), "version must be at least 1");
  EXPECT_EQ(refusal_of(with("\"version\": 1", "\"version\": \"1\"")),
            "version must be a whole number that is not negative");
}

TEST(TuningJson, RefusesAnotherSchema) {
  EXPECT_EQ(refusal_of(with("\"fanout-tuning\"", "\"fanout-tuning-profile\"")),
            "schema must be \"fanout-tuning\", got \"fanout-tuning-profile\"");
  EXPECT_EQ(refusal_of("{}"), "schema is missing");
  EXPECT_EQ(refusal_of("[]"), "the document must be an object");
  EXPECT_EQ(refusal_of("1"), "the document must be an object");
}

TEST(TuningJson, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(refusal_of(with("\"recommended\": 2", "\"recommended\": 5")),
            "recommended must be the concurrency of a row");
  EXPECT_EQ(refusal_of(with("\"recommended\": 2", "\"recommended\": -2")),
            "recommended must be a whole number that is not negative");
  EXPECT_EQ(refusal_of(with("\"recommended\": 2", "\"recommended\": 2.5")),
            "recommended must be a whole number that is not negative");
  EXPECT_EQ(refusal_of(with("\"recommended\": 2", "\"recommended\": 18446744073709551615")),
            "recommended must not be above 1000000");
  EXPECT_EQ(refusal_of(with("\"recommended\": 2", "\"recommended\": 1e400")).substr(0, 14), "it is not JSON");
  EXPECT_EQ(refusal_of(with("\"median_seconds\": 0.15", "\"median_seconds\": NaN")).substr(0, 14), "it is not JSON");
  EXPECT_EQ(refusal_of(with("\"median_seconds\": 0.15", "\"median_seconds\": null")),
            "rows[1].median_seconds must be a number");
  EXPECT_EQ(refusal_of(with("\"median_seconds\": 0.15", "\"median_seconds\": -0.15")),
            "rows[1].median_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of(with("\"median_seconds\": 0.15,", "")), "rows[1].median_seconds is missing");
  EXPECT_EQ(refusal_of(with("\"confidence\": 0.9995", "\"confidence\": 2")), "confidence must be between 0 and 1");
  EXPECT_EQ(refusal_of(with("\"complete\": true", "\"complete\": 1")), "complete must be true or false");
  EXPECT_EQ(refusal_of(with("\"workload\": \"compress\"", "\"workload\": 3")), "workload must be a string");
  EXPECT_EQ(refusal_of(with("\"cores\": 4", "\"cores\": 0")), "machine.cores must be at least 1");
  EXPECT_EQ(refusal_of(with("\"quota\": 1.5", "\"quota\": \"1.5\"")), "machine.quota must be a number");
  EXPECT_EQ(refusal_of(with("\"budget_nanoseconds\": 30000000000", "\"budget_nanoseconds\": 18446744073709551615")),
            "budget_nanoseconds must not be above 9223372036854775807");
  EXPECT_EQ(refusal_of(with("\"busy\": false", "\"busy\": 0")), "busy must be true or false");
  EXPECT_EQ(refusal_of(with("\"steal\": 0.14", "\"steal\": 2.14")), "steal must be between 0 and 1");
  EXPECT_EQ(refusal_of(with("\"core_wait_seconds\": 0.79", "\"core_wait_seconds\": -0.79")),
            "rows[0].core_wait_seconds must be a finite number that is not negative");
  EXPECT_EQ(refusal_of(with("\"tasks\": 50", "\"tasks\": 0")), "tasks must be at least 1");
  EXPECT_EQ(refusal_of(with("\"tasks\": 50", "\"tasks\": \"50\"")),
            "tasks must be a whole number that is not negative");
  EXPECT_EQ(refusal_of(with("\"repetitions\": 12", "\"repetitions\": 1000000001")),
            "rows[1].repetitions must not be above 1000000000");
}

TEST(TuningJson, RefusesWhatIsNoArrayOfRows) {
  const std::string text = tuning_report(some_results()).to_json();
  const std::string head = text.substr(0, text.find("\"rows\": ") + 8);
  EXPECT_EQ(refusal_of(head + "{}}"), "rows must be an array");
  EXPECT_EQ(refusal_of(head + "[]}"), "rows must not be empty");
  EXPECT_EQ(refusal_of(head + "[1]}"), "rows[0] must be an object");
  std::string many = "[";
  for (int i = 0; i != 2000; ++i) many += "{},";
  EXPECT_EQ(refusal_of(head + many + "{}]}"), "rows must not be more than 1024");
}

TEST(TuningJson, RefusesEveryTruncation) {
  const std::string text = tuning_report(some_results()).to_json();
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    EXPECT_EQ(refusal_of(std::string_view(text).substr(0, length)).substr(0, 14), "it is not JSON") << length;
  }
}

TEST(TuningJson, SurvivesDamageOfEveryByte) {
  const std::string text = tuning_report(some_results()).to_json();
  for (std::size_t place = 0; place != text.size(); ++place) {
    for (const char damage : {'\0', '"', '}', '9', '-', '\xff', ' '}) {
      std::string damaged = text;
      damaged[place] = damage;
      try {
        const tuning_report report = tuning_report::from_json(damaged);
        EXPECT_FALSE(report.rows().empty());
      } catch (const tuning_error& e) {
        EXPECT_EQ(std::string_view(e.what()).substr(0, prefix.size()), prefix);
      }
    }
  }
}

TEST(TuningJson, RefusesANullCharacterAlsoBehindTheEnd) {
  const std::string text = tuning_report(some_results()).to_json();
  for (const std::string& tail : {std::string(1, '\0'), std::string("\0{}", 3)}) {
    EXPECT_EQ(refusal_of(text + tail), "it is not JSON: it has a null character");
  }
}

TEST(TuningJson, RefusesTwoMembersOfOneName) {
  EXPECT_EQ(refusal_of(with("\"version\": 1,", "\"version\": 1, \"version\": 1,")),
            "an object has two members \"version\"");
  EXPECT_EQ(refusal_of(with("\"cores\": 4,", "\"cores\": 4, \"c\\u006fres\": 5,")),
            "an object has two members \"cores\"")
      << "an escape makes no other name";
  EXPECT_EQ(refusal_of(with("\"version\": 1,", "\"version\": 1, \"later\": [{\"x\": 1, \"y\": 2, \"x\": 3}],")),
            "an object has two members \"x\"");
  EXPECT_EQ(tuning_report::from_json(with("\"version\": 1,", "\"version\": 1, \"a\": {\"x\": 1}, \"x\": 2,")),
            tuning_report(some_results()))
      << "the objects differ";
}

TEST(TuningJson, RefusesDeepNesting) {
  EXPECT_EQ(refusal_of(std::string(1'000'000, '[')), "it is nested more than 32 levels deep");
  std::string objects;
  for (int i = 0; i != 100'000; ++i) objects += "{\"a\":";
  EXPECT_EQ(refusal_of(objects), "it is nested more than 32 levels deep");
}

TEST(TuningJson, RefusesCountsBeyondReason) {
  std::string many = "[0";
  for (int i = 0; i != 200'000; ++i) many += ",[]";
  EXPECT_EQ(refusal_of(many + "]"), "it has more than 100000 values");
  EXPECT_EQ(refusal_of(std::string((16 << 20) + 1, ' ')), "it is larger than 16 MiB");
}

TEST(TuningJson, QuotesLittleOfWhatItDoesNotUnderstand) {
  const std::string refusal = refusal_of("{\"schema\": \"" + std::string(1'000'000, 'x') + "\x1b[2J");
  EXPECT_LT(refusal.size(), 300u);
  EXPECT_EQ(refusal.find('\x1b'), std::string::npos);
  EXPECT_LT(refusal_of("{\"schema\": \"" + std::string(1'000'000, 'x') + "\"}").size(), 300u);
}

}  // namespace
