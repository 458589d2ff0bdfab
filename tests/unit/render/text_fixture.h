// A report as text, for the tests of its parts.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/render/text.h"

namespace heaptag::render {

struct TextRow {
  const char* name;
  uint64_t at_peak;
  uint64_t live;
  uint64_t blocks;
  uint64_t calls;
  uint64_t average;
  const char* file;
  uint32_t line;
};

/// A report of a program that draws thumbnails; its figures are those of the golden text below.
class TextReport : public testing::Test {
 protected:
  static constexpr uint64_t kK = 1024;
  static constexpr uint64_t kM = 1024 * 1024;

  TextReport() {
    set_rows({{"pixels_alloc", 256 * kM, 0, 0, 1024, 512 * kK, "src/pixels.c", 88},
              {"other", 2 * kM, 128 * kK, 8, 8064, kK, "src/other.c", 1},
              {"jpeg_get_large", 96 * kM, 0, 0, 6144, 64 * kK, nullptr, 0},
              {"cache_insert", 49 * kM / 2, kM, 256, 16384, 4 * kK, "src/cache.c", 41},
              {"exif::Reader::field", 20 * kM, 0, 0, 49152, kK, "src/exif.cc", 230},
              {"json::Value::set", 3 * kM, 128 * kK, 1024, 131072, 128, "src/json.cc", 77}});
    Process& process = report_.process;
    process.pid = 4711;
    process.program = "thumbd";
    process.run_ns = 12'400'000'000;
    process.at_peak_ns = 8'100'000'000;
    process.exit_known = true;
    report_.totals.max_resident_bytes = 438 * kM;
    report_.totals.figures.frees = 210'552;
    report_.totals.threads = 4;
  }

  void set_rows(const std::vector<TextRow>& rows) {
    frames_.assign(rows.size(), Frame());
    sites_.assign(rows.size(), Site());
    tags_.assign(rows.size(), Tag());
    Totals& totals = report_.totals;
    totals = Totals();
    for (size_t i = 0; i < rows.size(); ++i) {
      const TextRow& row = rows[i];
      frames_[i].module = "/usr/lib/libjpeg.so.62";
      frames_[i].build_id = "1f3c9ab3";
      frames_[i].offset = 0x2b7c1;
      frames_[i].function = row.name;
      frames_[i].file = row.file;
      frames_[i].line = row.line;
      sites_[i].frames = &frames_[i];
      sites_[i].frame_count = 1;
      Tag& tag = tags_[i];
      tag.name = row.name;
      tag.at_peak_bytes = row.at_peak;
      tag.figures.live_bytes = row.live;
      tag.figures.live_blocks = row.blocks;
      tag.figures.allocations = row.calls;
      tag.figures.allocated_bytes = row.calls * row.average;
      tag.sites = &sites_[i];
      tag.site_count = 1;
      totals.peak_live_bytes += row.at_peak;
      totals.figures.live_bytes += row.live;
      totals.figures.live_blocks += row.blocks;
      totals.figures.allocations += row.calls;
      totals.figures.allocated_bytes += row.calls * row.average;
    }
    report_.tags = tags_.data();
    report_.tag_count = tags_.size();
  }

  std::string text() const {
    std::string out;
    write_text(report_, options_,
               Sink{[](void* context, const char* data, size_t size_bytes) {
                      static_cast<std::string*>(context)->append(data, size_bytes);
                    },
                    &out});
    return out;
  }

  std::string first_line() const {
    const std::string all = text();
    return all.substr(0, all.find('\n'));
  }

  /// The lines of the table, from its heading to its total.
  std::vector<std::string> table() const {
    std::istringstream lines(text());
    std::vector<std::string> found;
    for (std::string line; std::getline(lines, line);) {
      if (!found.empty() || line.find(" avg size  owner") != std::string::npos) {
        found.push_back(line);
      }
      if (line.find(", counted, not sampled") != std::string::npos) {
        break;
      }
    }
    return found;
  }

  /// What stands below the table.
  std::string notes() const {
    const std::string all = text();
    return all.substr(all.find("not sampled\n\n") + std::string("not sampled\n\n").size());
  }

  /// Every line's owner starts in the column in which the heading's does.
  void expect_aligned() const {
    const std::vector<std::string> lines = table();
    ASSERT_GE(lines.size(), 3u);
    const size_t owner = lines[0].rfind("owner");
    for (const std::string& line : lines) {
      ASSERT_GT(line.size(), owner) << line;
      EXPECT_EQ(line.substr(owner - 2, 2), "  ") << line;
      EXPECT_NE(line[owner], ' ') << line;
    }
  }

  Report report_;
  TextOptions options_;
  std::vector<Frame> frames_;
  std::vector<Site> sites_;
  std::vector<Tag> tags_;
};

}  // namespace heaptag::render
