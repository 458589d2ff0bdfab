// What holds for all bytes that are read as a saved report.
#pragma once

#include <string>

#include "core/wire/snapshot_format.h"
#include "tests/fuzz/exact_text.h"
#include "tests/fuzz/mutator.h"
#include "tools/model/rendering.h"
#include "tools/model/snapshot_reader.h"

namespace heaptag::fuzz {

/// A small report with a bit of everything.
inline tools::Report sample_report() {
  tools::Report report;
  report.version = "1.2";
  report.process.pid = 4711;
  report.process.program = "thumbd";
  report.process.argv = {"./thumbd", "", "--batch\nphotos", "\xff\xfe"};
  report.process.start_time = "2026-11-12T22:55:01.123Z";
  report.process.reason = "exit";
  report.process.exit_known = true;
  report.environment = {true, 1 << 30, false, 0, "6.1.0", "glibc 2.36"};
  report.options = {{"HEAPTAG_REPORT", "/tmp/%p.snap"}};
  report.memory = {1, 2, 3, 4, 5, 6, 7, 8};
  report.modules = {{"/usr/lib/libjpeg.so", "1f3c9a", 0x7f0000000000, 0x7f0000010000, "then", ""},
                    {"/usr/lib/libpng.so", "", 0, 0, "", "now"}};
  for (uint32_t id = 2; id < 5; ++id) {
    const tools::Module& module = report.modules[id % 2];
    tools::Frame frame{module.path, module.build_id, 0x1150, "pixels_alloc", id, "a.c", 7, true,
                       ""};
    tools::Site site{id, {frame}, {300, 200, 100, 1600, 3200, 4800, 1}, 9, 1900};
    frame.inlined = false;
    frame.function = id == 4 ? "" : "pixels";
    site.frames.push_back(frame);
    report.tags.push_back({"", "site", site.figures, 2000, 1900, 0, {site}});
  }
  report.tags.push_back({"net", "rule", {1, 1, 0, 0, 0, 9, 0}, 9, 0, 1024, {}});
  report.rules = {{"net", "net=lib:\"libssl*\"", 12}};
  tools::Error error;
  error.kind = "use-after-free-write";
  error.found_when = "reuse";
  error.address = 0x7f0000001048;
  error.block = 0x7f0000001000;
  error.size = 96;
  error.offset = 72;
  error.length = 8;
  error.found = "804c01403a7f0000";
  error.expected = "0000000000000000";
  error.before = "02";
  error.value_is = "a live block";
  error.owner = "pixels";
  error.allocated.frames = report.tags[0].sites[0].frames;
  error.freed = {report.tags[1].sites[0].frames, 4712, 1'840'000'000, true};
  error.neighbours = {{-96, 96, "pixels", "live", true}};
  error.frees_ago_known = true;
  report.errors = {error, {}};
  report.checks = true;
  return report;
}

/// The words are numbers that are at an end of something, and letters that mean something.
inline Grammar snapshot_grammar() {
  Grammar grammar{{tools::as_snapshot(sample_report()), tools::as_snapshot({})},
                  split_words("P E O F M T R X . \x05site \x01 \x02 \x7f \x80\x01 \xff\x7f "
                              "\xff\xff\xff\xff\x0f \x80\x80\x80\x80\x10 "
                              "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01 "
                              "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02 "
                              "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01 \xC3\xA9 \xED\xA0\x80")};
  grammar.words.emplace_back(1, '\0');
  grammar.words.emplace_back(4, '\0');
  return grammar;
}

inline Grammar json_grammar() {
  return {{tools::as_json(sample_report()), tools::as_json({}),
           R"({"heaptag":{"schema":1},"totals":{},"tags":[{"sites":[{"frames":[{}]}]}]})"},
          split_words("{ } [ ] , : \" \\ null true {} [] \"\" [[[[[[[[ -1 0 1.5 1e400 1e-400 "
                      "18446744073709551615 18446744073709551616 -9223372036854775809 "
                      "\\u0000 \\ud800 \"0x\" \"0xg\" \xC3\xA9 \xFF "
                      "\"heaptag\":{\"schema\":1} \"totals\": \"tags\": \"sites\": \"frames\": "
                      "\"modules\": \"options\": \"exit\": \"name\": \"origin\": \"errors\": "
                      "\"kind\": \"found\": \"offset\": overflow double-free fault")};
}

/// The same bytes with the check sum that a snapshot of them would have: without it, hardly a
/// changed one would be read to its end.
inline std::string with_right_sum(std::string bytes) {
  if (bytes.size() >= sizeof(uint64_t)) {
    bytes.resize(bytes.size() - sizeof(uint64_t));
  }
  wire::SnapshotSum sum;
  sum.add(bytes.data(), bytes.size());
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>(sum.value() >> shift);
  }
  return bytes;
}

/// Reads a saved report. Whatever was read can be shown and saved, and comes back.
/// Returns: the property that does not hold, or "". Errors other than BrokenReport get out.
inline std::string broken_property_of_saved_report(const std::string& bytes) {
  tools::Report report;
  try {
    report = tools::is_snapshot(bytes) ? tools::read_snapshot(ExactText(bytes).view())
                                       : tools::read_saved_report(bytes);
  } catch (const tools::BrokenReport& error) {
    return *error.what() == '\0' ? "a broken report says why" : "";
  }
  if (tools::as_text(report, {}).empty()) {
    return "a report can be shown";
  }
  try {
    tools::read_report(tools::as_json(report));
    const tools::Report saved = tools::read_snapshot(tools::as_snapshot(report));
    const std::string again = tools::as_snapshot(saved);
    return tools::as_snapshot(tools::read_snapshot(again)) == again
               ? ""
               : "a saved report comes back as it was";
  } catch (const tools::BrokenReport& error) {
    return std::string("what we write can be read: ") + error.what();
  }
}

}  // namespace heaptag::fuzz
