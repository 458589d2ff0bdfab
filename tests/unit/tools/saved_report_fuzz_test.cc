// Saved reports with random changes: each is refused in a few words, or read, shown and saved
// again. HEAPTAG_TEST_ROUNDS=100 for a long run.
#include <gtest/gtest.h>

#include "tests/fuzz/report_properties.h"

namespace heaptag::fuzz {
namespace {

constexpr unsigned kReports = 3000;  // of each seed; all tests together 2 s under sanitizers

class SavedReportFuzz : public testing::TestWithParam<uint64_t> {};

TEST_P(SavedReportFuzz, Snapshot) {
  Mutator snapshots(snapshot_grammar(), GetParam());
  for (unsigned i = 0; i < kReports * test_rounds(); ++i) {
    const std::string& bytes = snapshots.next();
    ASSERT_EQ(broken_property_of_saved_report(bytes), "") << testing::PrintToString(bytes);
    const std::string summed = with_right_sum(bytes);
    ASSERT_EQ(broken_property_of_saved_report(summed), "") << testing::PrintToString(summed);
  }
}

TEST_P(SavedReportFuzz, Json) {
  Mutator reports(json_grammar(), GetParam());
  for (unsigned i = 0; i < kReports * test_rounds(); ++i) {
    const std::string& json = reports.next();
    ASSERT_EQ(broken_property_of_saved_report(json), "") << testing::PrintToString(json);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, SavedReportFuzz, testing::Values(1, 2, 3));

TEST(SavedReportProperties, HoldForWhatWeWrite) {
  for (const Grammar& grammar : {snapshot_grammar(), json_grammar()}) {
    for (const std::string& input : grammar.inputs) {
      EXPECT_EQ(broken_property_of_saved_report(input), "");
      EXPECT_NO_THROW(tools::read_saved_report(input));
    }
  }
  const std::string snapshot = snapshot_grammar().inputs[0];
  EXPECT_EQ(with_right_sum(snapshot), snapshot);
}

std::string complaint_about(const std::string& bytes) {
  try {
    tools::read_saved_report(bytes);
  } catch (const tools::BrokenReport& error) {
    return error.what();
  }
  return "";
}

// What the fuzzers found, and what they are too impatient to find.

TEST(SavedReport, NumbersThatNoTypeHoldsAreRefused) {
  const std::string begin = R"({"heaptag":{"schema":1},"totals":{"threads":)";
  EXPECT_EQ(complaint_about(begin + "7}}"), "");
  EXPECT_EQ(complaint_about(begin + "1e400}}"),
            "a number in it is larger than any number of heaptag");
  EXPECT_EQ(complaint_about(begin + "1e30}}"), "totals.threads is not an integer from 0 up");
}

TEST(SavedReport, DeeplyNestedJsonIsRefused) {
  EXPECT_NE(complaint_about("{\"a\":" + std::string(100000, '[')), "");
  EXPECT_NE(complaint_about("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}"),
            "");
}

// 28 KB that would unfold to 40 MB: one long argument that each of the following repeats whole.
TEST(SavedReport, TextsThatUnfoldWithoutEndAreRefused) {
  const auto with_arguments = [](size_t count) {
    tools::Report report;
    report.process.argv.assign(count, std::string(20000, 'x'));
    return tools::as_snapshot(report);
  };
  EXPECT_EQ(complaint_about(with_arguments(200)), "");
  EXPECT_EQ(complaint_about(with_arguments(2000)),
            "it is damaged: its texts are too long for its size");
}

TEST(SavedReport, FramesThatUnfoldWithoutEndAreRefused) {
  const auto with_frames = [](size_t count) {
    tools::Report report;
    tools::Frame frame;
    frame.module = std::string(20000, 'x');
    report.tags.emplace_back();
    report.tags[0].sites.emplace_back();
    report.tags[0].sites[0].frames.assign(count, frame);
    return tools::as_snapshot(report);
  };
  EXPECT_EQ(complaint_about(with_frames(200)), "");
  EXPECT_EQ(complaint_about(with_frames(5000)),
            "it is damaged: its texts are too long for its size");
}

}  // namespace
}  // namespace heaptag::fuzz
