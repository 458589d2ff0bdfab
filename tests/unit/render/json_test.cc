#include "core/render/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heaptag::render {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Report& report) {
  std::string text;
  write_json(report, Sink{[](void* context, const char* data, size_t size_bytes) {
                            static_cast<std::string*>(context)->append(data, size_bytes);
                          },
                          &text});
  return text;
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) {
    keys.push_back(key);
  }
  return keys;
}

using Keys = std::vector<std::string>;

/// A report with something in every list.
class JsonReport : public testing::Test {
 protected:
  JsonReport() {
    frames_[0].module = "/lib/libz.so.1";
    frames_[0].build_id = "1f3c";
    frames_[0].offset = 0x2b7c1;
    frames_[1].module = "/bin/prog";
    frames_[1].function = "main";
    frames_[1].function_offset = 0x1f;
    frames_[1].file = "main.c";
    frames_[1].line = 7;
    frames_[1].inlined = true;
    sites_[0].id = 3;
    sites_[0].frames = frames_;
    sites_[0].frame_count = 2;
    sites_[1].id = 4;
    sites_[1].frames = frames_ + 1;
    sites_[1].frame_count = 1;
    sites_[2].id = 5;
    sites_[2].frames = frames_;
    sites_[2].frame_count = 1;
    sites_[1].figures.failed = 2;
    tag_.name = "net";
    tag_.origin = "rule";
    tag_.figures.live_bytes = UINT64_MAX;
    tag_.sites = sites_;
    tag_.site_count = 3;
    module_.path = "/bin/prog";
    module_.base = 0x55d0c0a1e000;
    option_.name = "HEAPTAG_TAGS";
    option_.value = "net=lib:\"*ssl*\"";
    report_.version = "1.0";
    report_.tags = &tag_;
    report_.tag_count = 1;
    report_.modules = &module_;
    report_.module_count = 1;
    report_.options = &option_;
    report_.option_count = 1;
  }

  Frame frames_[2];
  Site sites_[3];
  Tag tag_;
  Module module_;
  Option option_;
  Report report_;
};

TEST_F(JsonReport, HasTheDocumentedKeysInOrder) {
  const Json json = Json::parse(text_of(report_));
  EXPECT_EQ(keys_of(json),
            (Keys{"heaptag", "process", "options", "environment", "memory", "totals", "tags",
                  "errors", "leaks", "modules", "symbols", "rules", "checks"}));
  EXPECT_EQ(keys_of(json["process"]), (Keys{"pid", "program", "argv", "start_time", "report_time",
                                            "reason", "exit", "signal", "run_ns", "at_peak_ns"}));
  EXPECT_EQ(keys_of(json["totals"]),
            (Keys{"allocations", "frees", "reallocations", "failed", "live_blocks", "live_bytes",
                  "usable_bytes", "peak_live_bytes", "peak_error_bytes", "allocated_bytes",
                  "resident_bytes", "max_resident_bytes", "metadata_bytes", "cached_bytes",
                  "foreign_frees", "threads"}));
  EXPECT_EQ(keys_of(json["tags"][0]),
            (Keys{"name", "origin", "allocations", "frees", "live_blocks", "live_bytes",
                  "usable_bytes", "allocated_bytes", "peak_live_bytes", "at_peak_bytes", "failed",
                  "limit_bytes", "sites"}));
  EXPECT_EQ(keys_of(json["tags"][0]["sites"][0]),
            (Keys{"id", "frames", "allocations", "frees", "live_blocks", "live_bytes",
                  "allocated_bytes", "usable_bytes", "failed", "at_peak_bytes", "size_classes"}));
  EXPECT_EQ(keys_of(json["tags"][0]["sites"][0]["frames"][0]),
            (Keys{"module", "build_id", "offset", "function", "file", "line", "inlined"}));
  EXPECT_EQ(keys_of(json["memory"]), (Keys{"live", "rounding", "cached", "quarantined", "metadata",
                                           "not_heap", "untouched", "resident"}));
  EXPECT_EQ(json["heaptag"]["schema"], 1);
  EXPECT_EQ(json["errors"], Json::array());
  EXPECT_EQ(json["rules"], Json::array());
  EXPECT_EQ(json["checks"], false);
  EXPECT_TRUE(json["leaks"].is_null());
}

TEST_F(JsonReport, KeepsEveryValue) {
  report_.process.exit_known = true;
  report_.process.exit_status = 3;
  report_.environment.cgroup_use_known = true;
  const Json json = Json::parse(text_of(report_));
  const Json& tag = json["tags"][0];
  EXPECT_EQ(tag["live_bytes"].get<uint64_t>(), UINT64_MAX);
  EXPECT_EQ(tag["sites"][1]["failed"], 2);
  const Json& frame = tag["sites"][0]["frames"][1];
  EXPECT_EQ(frame["function"], "main");
  EXPECT_EQ(frame["function_offset"], "0x1f");
  EXPECT_EQ(frame["line"], 7);
  EXPECT_EQ(frame["inlined"], true);
  EXPECT_EQ(json["modules"][0]["base"], "0x55d0c0a1e000");
  EXPECT_EQ(json["options"]["HEAPTAG_TAGS"], "net=lib:\"*ssl*\"");
  EXPECT_EQ(json["process"]["exit"], 3);
  EXPECT_EQ(json["environment"]["cgroup_use_bytes"], 0);
}

TEST_F(JsonReport, WhatIsNotKnownIsNull) {
  const Json json = Json::parse(text_of(report_));
  EXPECT_TRUE(json["process"]["exit"].is_null());
  EXPECT_TRUE(json["process"]["signal"].is_null());
  EXPECT_TRUE(json["process"]["program"].is_null());
  EXPECT_TRUE(json["totals"]["resident_bytes"].is_null());
  EXPECT_TRUE(json["environment"]["cgroup_limit_bytes"].is_null());
  const Json& tag = json["tags"][0];
  EXPECT_TRUE(tag["limit_bytes"].is_null());
  EXPECT_TRUE(tag["sites"][0]["frames"][0]["function"].is_null());
  EXPECT_TRUE(tag["sites"][0]["frames"][0]["line"].is_null());
}

TEST_F(JsonReport, RulesAreListedAsTheyWereWritten) {
  const Rule rules[] = {{"net", "net=lib:\"*ssl*\"", 3}, {"db", "db=func:pq_*", 0}};
  report_.rules = rules;
  report_.rule_count = 2;
  const std::string text = text_of(report_);
  EXPECT_EQ(Json::parse(text)["rules"],
            Json::parse(R"([{"name": "net", "text": "net=lib:\"*ssl*\"", "matched_sites": 3},
                            {"name": "db", "text": "db=func:pq_*", "matched_sites": 0}])"));
  EXPECT_NE(text.find("\n    {\"name\": \"db\""), std::string::npos);
}

TEST_F(JsonReport, ErrorsHaveTheDocumentedKeysInOrder) {
  const Neighbour neighbours[] = {{-96, 96, "conn_new", "live", false}};
  Error error;
  error.kind = "use-after-free-write";
  error.found_when = "reuse";
  error.address = 0x7f3a40012338;
  error.block = 0x7f3a40012340;
  error.size = 96;
  error.offset = -8;
  error.length = 8;
  error.found = "00ff";
  error.owner = "conn_new";
  error.allocated = {frames_, 2, 7, 62'100'000'000, true};
  error.freed = {frames_, 1, 8, 1'840'999'999, true};
  error.detected = {frames_ + 1, 1, 9, 0, false};
  error.neighbours = neighbours;
  error.neighbour_count = 1;
  error.withdrawn = true;
  report_.errors = &error;
  report_.error_count = 1;
  report_.checks = true;
  const std::string text = text_of(report_);
  const Json json = Json::parse(text);
  EXPECT_EQ(json["checks"], true);
  const Json& found = json["errors"][0];
  EXPECT_EQ(keys_of(found), (Keys{"kind",
                                  "address",
                                  "size",
                                  "offset",
                                  "length",
                                  "expected",
                                  "found",
                                  "tag",
                                  "thread",
                                  "allocated_by",
                                  "freed_by",
                                  "detected_at",
                                  "found_when",
                                  "count",
                                  "age_s",
                                  "frees_ago",
                                  "before",
                                  "after",
                                  "neighbours",
                                  "block",
                                  "block_state",
                                  "caught_by",
                                  "value_is",
                                  "withdrawn",
                                  "refused",
                                  "advice",
                                  "allocated_thread",
                                  "allocated_age_ns",
                                  "freed_thread",
                                  "freed_age_ns",
                                  "detected_age_ns"}));
  EXPECT_EQ(found["address"], "0x7f3a40012338");
  EXPECT_EQ(found["block"], "0x7f3a40012340");
  EXPECT_EQ(found["offset"], -8);
  EXPECT_TRUE(found["expected"].is_null());
  EXPECT_EQ(found["tag"], "conn_new");
  EXPECT_EQ(found["thread"], 9);
  EXPECT_EQ(found["allocated_by"], json["tags"][0]["sites"][0]["frames"]);
  EXPECT_EQ(found["detected_at"][0]["line"], 7);
  EXPECT_NE(text.find("\"age_s\": 1.840, "), std::string::npos);
  EXPECT_EQ(found["freed_age_ns"], 1'840'999'999);
  EXPECT_EQ(found["count"], 1);
  EXPECT_TRUE(found["frees_ago"].is_null());
  EXPECT_EQ(found["withdrawn"], true);
  EXPECT_EQ(found["neighbours"],
            Json::parse(R"([{"distance": -96, "size": 96, "tag": "conn_new", "state": "live",
                             "intact": false}])"));
}

TEST_F(JsonReport, AnErrorOutsideOfAllBlocksHasNone) {
  Error error;
  error.kind = "invalid-free";
  error.address = 0x10;
  report_.errors = &error;
  report_.error_count = 1;
  const Json found = Json::parse(text_of(report_))["errors"][0];
  for (const char* key : {"size", "length", "tag", "thread", "age_s", "block", "found_when"}) {
    EXPECT_TRUE(found[key].is_null()) << key;
  }
  EXPECT_EQ(found["freed_by"], Json::array());
  EXPECT_EQ(found["neighbours"], Json::array());
}

TEST_F(JsonReport, SizeClassesAreThereWhenTheyAreKnown) {
  sites_[1].size_classes = 23;
  const Json json = Json::parse(text_of(report_));
  EXPECT_EQ(json["tags"][0]["sites"][1]["size_classes"], 23);
  EXPECT_TRUE(json["tags"][0]["sites"][0]["size_classes"].is_null());
}

TEST_F(JsonReport, SitesKnowTheirPeaksWhenTheseAddUp) {
  tag_.at_peak_bytes = 100;
  sites_[0].at_peak_bytes = 60;
  Json sites = Json::parse(text_of(report_))["tags"][0]["sites"];
  EXPECT_TRUE(sites[0]["at_peak_bytes"].is_null());
  sites_[1].at_peak_bytes = 40;
  sites = Json::parse(text_of(report_))["tags"][0]["sites"];
  EXPECT_EQ(sites[0]["at_peak_bytes"], 60);
  EXPECT_EQ(sites[2]["at_peak_bytes"], 0);
  tag_.site_count = 1;
  sites = Json::parse(text_of(report_))["tags"][0]["sites"];
  EXPECT_EQ(sites[0]["at_peak_bytes"], 100);
}

TEST_F(JsonReport, ListsModulesWithoutSymbolsOnce) {
  const Json symbols = Json::parse(text_of(report_))["symbols"];
  EXPECT_EQ(symbols["sites"], 3);
  EXPECT_EQ(symbols["resolved"], 1);
  EXPECT_EQ(symbols["missing"],
            Json::parse(R"([{"module": "/lib/libz.so.1", "build_id": "1f3c"}])"));
}

TEST_F(JsonReport, AnyBytesMakeValidJson) {
  std::string every_byte;
  for (int c = 1; c < 256; ++c) {
    every_byte += static_cast<char>(c);
  }
  const char* const argv[] = {every_byte.c_str(), "a\"b\\c\n\t\x01",    "\xE2\x82",
                              "\xED\xA0\x80",     "gr\xC3\xBC\xC3\x9F", nullptr};
  report_.process.argv = argv;
  report_.process.argv_count = 6;
  const Json json = Json::parse(text_of(report_));
  const Json& read = json["process"]["argv"];
  EXPECT_EQ(read[0].get<std::string>().substr(0, 127), every_byte.substr(0, 127));
  EXPECT_EQ(read[1], argv[1]);
  EXPECT_EQ(read[2], "\xEF\xBF\xBD");
  EXPECT_EQ(read[3], "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(read[4], argv[4]);
  EXPECT_TRUE(read[5].is_null());
}

TEST(Json, AnEmptyReportIsValid) {
  const Json json = Json::parse(text_of(Report()));
  EXPECT_EQ(json["tags"], Json::array());
  EXPECT_EQ(json["options"], Json::object());
  EXPECT_EQ(json["symbols"]["sites"], 0);
}

}  // namespace
}  // namespace heaptag::render
