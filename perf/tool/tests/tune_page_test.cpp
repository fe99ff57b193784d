#include "tune_page.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "text_output.hpp"
#include "tune_chart.hpp"

namespace tool {
namespace {

competitor_result baseline(const char* name, std::vector<double> seconds) {
  competitor_result row;
  row.name = name;
  row.seconds = summarise(std::move(seconds));
  return row;
}

/// A result with these sizes, of which each is as fast as it has threads, up to 4.
tuned result_of(const std::vector<std::size_t>& sizes, std::size_t runs_of_baselines = 3) {
  fanout::tuning_results results{.workload = "test", .recommended = sizes.back(), .reason = "because"};
  for (const std::size_t size : sizes) {
    const double median = 1.0 / static_cast<double>(std::min<std::size_t>(size, 4));
    results.rows.push_back({.concurrency = size,
                            .repetitions = 5,
                            .median_seconds = median,
                            .low_seconds = median * 0.8,
                            .high_seconds = median * 1.3,
                            .speedup = 1 / median,
                            .efficiency = 1 / median / static_cast<double>(size)});
  }
  comparison baselines{.tasks = 8, .completed = 8, .repetitions = runs_of_baselines, .rows = {}, .errors = {}};
  for (const char* name : {"serial", "fanout", "thread-rounds", "thread-pool"}) {
    baselines.rows.push_back(baseline(name, std::vector<double>(runs_of_baselines, 0.9)));
  }
  return {.report = fanout::tuning_report(results),
          .baselines = baselines,
          .summary = "8 tasks",
          .command_line = "fanout tune"};
}

/// A text of a chart, and where it is.
struct placed_text {
  double left, right, baseline;
  std::string content;
  bool names_a_level;

  bool overlaps(const placed_text& other) const {
    constexpr double line = 14;
    return left < other.right && other.left < right && std::abs(baseline - other.baseline) < line;
  }
};

std::vector<placed_text> texts_of(const std::string& svg) {
  static const std::regex text(
      R"re(<text( class="level")? x="([0-9.]+)" y="([0-9.]+)"(?: text-anchor="(end|middle)")?[^>]*>([^<]*)</text>)re");
  std::vector<placed_text> found;
  for (std::sregex_iterator each(svg.begin(), svg.end(), text), end; each != end; ++each) {
    const std::smatch& match = *each;
    const double x = std::stod(match[2]);
    const double width = text_width(match[5].str());
    const double left = match[4] == "end" ? x - width : match[4] == "middle" ? x - width / 2 : x;
    found.push_back({left, left + width, std::stod(match[3]), match[5], match[1].matched});
  }
  return found;
}

/// The right end of everything that belongs to the curve: circles, and the lines of the intervals.
double end_of_curve(const std::string& svg) {
  static const std::regex circle(R"re(<circle cx="([0-9.]+)" cy="[0-9.]+" r="([0-9]+)")re");
  double end = 0;
  for (std::sregex_iterator each(svg.begin(), svg.end(), circle), last; each != last; ++each) {
    end = std::max(end, std::stod((*each)[1]) + std::stod((*each)[2]));
  }
  return end;
}

std::vector<std::string> charts_of(const std::string& page) {
  static const std::regex svg(R"re(<svg[^]*?</svg>)re");
  std::vector<std::string> charts;
  for (std::sregex_iterator each(page.begin(), page.end(), svg), end; each != end; ++each)
    charts.push_back(each->str());
  return charts;
}

/// Throws for a text that is not UTF-8.
void require_utf8(const std::string& text) { static_cast<void>(nlohmann::json(text).dump()); }

TEST(TunePage, CutsOffNoTextOfItsCharts) {
  for (const auto& sizes : {std::vector<std::size_t>{1}, {1, 2, 3, 4}, {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}}) {
    const auto charts = charts_of(tuning_page(result_of(sizes)));
    ASSERT_EQ(charts.size(), 2u);
    for (const std::string& svg : charts) {
      ASSERT_FALSE(texts_of(svg).empty());
      for (const placed_text& each : texts_of(svg)) {
        EXPECT_GE(each.left, 0) << each.content;
        EXPECT_LE(each.right, 480) << each.content;
        EXPECT_GE(each.baseline, 12) << each.content;
        EXPECT_LE(each.baseline, 297) << each.content;
      }
    }
  }
}

TEST(TunePage, PutsNoTextOverAnother) {
  std::vector<std::size_t> many;
  for (std::size_t size = 1; size <= 32768; size *= 2) many.push_back(size);
  for (const auto& sizes : {std::vector<std::size_t>{1, 2, 3, 4}, many}) {
    for (const std::string& svg : charts_of(tuning_page(result_of(sizes)))) {
      const auto texts = texts_of(svg);
      for (std::size_t one = 0; one != texts.size(); ++one) {
        for (std::size_t other = 0; other != one; ++other) {
          EXPECT_FALSE(texts[one].overlaps(texts[other])) << texts[one].content << " and " << texts[other].content;
        }
      }
      EXPECT_NE(svg.find(">" + std::to_string(sizes.back()) + "</text>"), std::string::npos)
          << "the recommended size has its number";
    }
  }
}

TEST(TunePage, PutsTheNamesOfBaselinesNextToTheCurve) {
  const std::string svg = charts_of(tuning_page(result_of({1, 2, 3, 4, 6, 8}))).front();
  std::size_t names = 0;
  for (const placed_text& each : texts_of(svg)) {
    if (!each.names_a_level) continue;
    ++names;
    EXPECT_GT(each.left, end_of_curve(svg)) << each.content;
  }
  EXPECT_EQ(names, 2u);
}

TEST(TunePage, GivesOneRunNoSpreadAndNoInterval) {
  tuned once = result_of({1, 2}, 1);
  EXPECT_EQ(tuning_page(once).find("± 0.0 %"), std::string::npos);
  EXPECT_NE(tuning_page(once).find("<td>–</td><td>1.00</td>"), std::string::npos);
  EXPECT_NE(tuning_page(result_of({1, 2}, 3)).find("± 0.0 %"), std::string::npos) << "three equal runs";
  fanout::tuning_results results = once.report.results();
  results.rows[0].repetitions = 1;
  once.report = fanout::tuning_report(results);
  EXPECT_NE(tuning_page(once).find("<td>one run</td>"), std::string::npos);
}

TEST(TunePage, IsUtf8WithoutControlCharactersWhateverTheNamesAre) {
  std::string all_bytes;
  for (int byte = 0; byte != 256; ++byte) all_bytes += static_cast<char>(byte);
  tuned result = result_of({1, 2});
  for (const std::string& name :
       {all_bytes, std::string("\xe2\x82"), std::string("\xc0\xaf\xed\xa0\x80\xf5 \xc2\x9b")}) {
    result.summary = "below " + name;
    result.command_line = "fanout tune --input '" + name + "'";
    const std::string page = tuning_page(result);
    EXPECT_NO_THROW(require_utf8(page));
    for (const char each : page) EXPECT_TRUE(each == '\n' || static_cast<unsigned char>(each) >= 0x20);
    EXPECT_EQ(page.find("\xc2\x9b"), std::string::npos);
    EXPECT_NO_THROW(require_utf8(format_tuned(result, "json")));
    EXPECT_NO_THROW(require_utf8(format_tuned(result, "csv")));
  }
}

TEST(TuneOutput, GivesOneRunOfABaselineNoSpread) {
  const tuned once = result_of({1, 2}, 1);
  const auto rows = nlohmann::json::parse(format_tuned(once, "json"))["baselines"]["rows"];
  EXPECT_TRUE(rows[0]["spread"].is_null());
  EXPECT_EQ(format_tuned(once, "table").find("±"), std::string::npos);
  EXPECT_NE(format_tuned(once, "table").find("medians of one run"), std::string::npos);
  const tuned thrice = result_of({1, 2}, 3);
  EXPECT_EQ(nlohmann::json::parse(format_tuned(thrice, "json"))["baselines"]["rows"][0]["spread"], 0);
  EXPECT_NE(format_tuned(thrice, "table").find("± 0.0 %"), std::string::npos);
}

TEST(TuneOutput, SaysWhyThereAreNoBaselines) {
  tuned result = result_of({1, 2});
  EXPECT_FALSE(nlohmann::json::parse(format_tuned(result, "json")).contains("baselines_left_out"));
  result.baselines.reset();
  result.baselines_left_out = "They were left out.";
  EXPECT_EQ(nlohmann::json::parse(format_tuned(result, "json"))["baselines_left_out"], "They were left out.");
  EXPECT_NE(format_tuned(result, "table").find("\nThey were left out.\n"), std::string::npos);
  EXPECT_NE(tuning_page(result).find(">They were left out.<"), std::string::npos);
}

TEST(ValidUtf8, ReplacesWhatIsNot) {
  EXPECT_EQ(valid_utf8("Größe \xf0\x9f\x98\x80"), "Größe \xf0\x9f\x98\x80");
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(valid_utf8(""), "");
}

}  // namespace
}  // namespace tool
