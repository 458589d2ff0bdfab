// Reports of a few tags, for the tests of what is made of them.
#pragma once

#include <string>
#include <vector>

#include "tools/model/report.h"

namespace heaptag::tools {

inline Frame sample_frame(const std::string& module,
                          uint64_t offset,
                          const std::string& function,
                          const std::string& file = "") {
  Frame frame;
  frame.module = module;
  frame.offset = offset;
  frame.function = function;
  frame.function_offset = 0x1f;
  frame.file = file;
  frame.line = file.empty() ? 0 : 7;
  return frame;
}

inline Frame inlined(Frame frame) {
  frame.inlined = true;
  return frame;
}

/// A site of `calls` blocks of 10 bytes, half of them live.
inline Site sample_site(uint32_t id, uint64_t calls, std::vector<Frame> frames) {
  Site site;
  site.id = id;
  site.frames = std::move(frames);
  site.figures.allocations = calls;
  site.figures.frees = calls / 2;
  site.figures.live_blocks = calls - calls / 2;
  site.figures.live_bytes = 10 * site.figures.live_blocks;
  site.figures.usable_bytes = 16 * site.figures.live_blocks;
  site.figures.allocated_bytes = 10 * calls;
  site.figures.failed = 1;
  return site;
}

inline Tag sample_tag(const std::string& name,
                      const std::string& origin,
                      std::vector<Site> sites,
                      uint64_t at_peak_bytes,
                      uint64_t peak_live_bytes) {
  Tag tag;
  tag.name = name;
  tag.origin = origin;
  tag.at_peak_bytes = at_peak_bytes;
  tag.peak_live_bytes = peak_live_bytes;
  for (const Site& site : sites) {
    add_figures(tag.figures, site.figures);
  }
  tag.sites = std::move(sites);
  return tag;
}

/// Totals are the sums of the tags.
inline Report sample_report(std::vector<Tag> tags) {
  Report report;
  report.process.reason = "exit";
  report.tags = std::move(tags);
  for (const Tag& tag : report.tags) {
    add_figures(report.totals.figures, tag.figures);
    report.totals.peak_live_bytes += tag.at_peak_bytes;
  }
  return report;
}

/// An error with something in every field.
inline Error sample_error(const Frame& frame) {
  Error error;
  error.kind = "use-after-free-write";
  error.found_when = "reuse";
  error.address = 0x7f3a40012338;
  error.block = 0x7f3a40012340;
  error.size = 96;
  error.offset = -8;
  error.length = 8;
  error.expected = "0000000000000000";
  error.found = "804c01403a7f0000";
  error.before = "02";
  error.after = "0304";
  error.value_is = "start of a live block";
  error.owner = "conn_new";
  error.block_state = "freed";
  error.caught_by = "in malloc(96)";
  error.advice = "heaptag run --check -- ./server";
  error.allocated = {{frame, frame}, 7, 62'100'000'000, true};
  error.freed = {{frame}, 8, 1'840'000'000, true};
  error.detected = {{}, 9, 0, false};
  error.neighbours = {{-96, 96, "conn_new", "live", true}, {192, 0, "", "never used", false}};
  error.frees_ago = 2317;
  error.frees_ago_known = true;
  error.count = 3;
  error.withdrawn = true;
  return error;
}

inline const Tag* tag_or_null(const Report& report, const std::string& name) {
  for (const Tag& tag : report.tags) {
    if (tag.name == name) {
      return &tag;
    }
  }
  return nullptr;
}

/// What is wrong with the sums of a report; "" when they hold.
inline std::string wrong_sums(const Report& report) {
  const auto text_of = [](const render::Figures& figures) {
    std::string text;
    for (const uint64_t figure :
         {figures.allocations, figures.frees, figures.live_blocks, figures.live_bytes,
          figures.usable_bytes, figures.allocated_bytes, figures.failed}) {
      text += std::to_string(figure) + " ";
    }
    return text;
  };
  render::Figures total;
  uint64_t at_peak_bytes = 0;
  for (const Tag& tag : report.tags) {
    render::Figures sites;
    for (const Site& site : tag.sites) {
      add_figures(sites, site.figures);
    }
    if (text_of(sites) != text_of(tag.figures)) {
      return tag.name + ": " + text_of(sites) + "!= " + text_of(tag.figures);
    }
    if (tag.peak_live_bytes < tag.at_peak_bytes || tag.peak_live_bytes < tag.figures.live_bytes) {
      return tag.name + ": a peak of " + std::to_string(tag.peak_live_bytes);
    }
    add_figures(total, tag.figures);
    at_peak_bytes += tag.at_peak_bytes;
  }
  if (at_peak_bytes != report.totals.peak_live_bytes) {
    return "at the peak: " + std::to_string(at_peak_bytes);
  }
  return text_of(total) == text_of(report.totals.figures) ? "" : "total: " + text_of(total);
}

}  // namespace heaptag::tools
