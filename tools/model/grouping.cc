#include "tools/model/grouping.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "core/base/text.h"
#include "core/render/names.h"
#include "tools/model/naming.h"

namespace heaptag::tools {
namespace {

std::string module_of(const Site& site) {
  const Frame* frame = linked_frame_or_null(site);
  if (frame == nullptr) {
    return "(not known)";
  }
  return frame->module.empty() ? "(no module)" : base_name(frame->module.c_str());
}

std::vector<Tag> by_site(const Report& report) {
  RowSums rows;
  for (const Tag& tag : report.tags) {
    for (const Tag& part : split_by_site(tag)) {
      const std::string key = part.sites.empty() ? "" : call_site_key(part.sites[0]);
      rows.add(key.empty() ? "(" + part.name : key, part).origin = "site";
    }
  }
  return rows.take();
}

std::vector<Tag> by_module(const Report& report) {
  RowSums rows;
  for (const Tag& tag : report.tags) {
    for (const Tag& part : split_by_site(tag)) {
      const std::string name = part.sites.empty() ? part.name : module_of(part.sites[0]);
      Tag& row = rows.add(name, part);
      row.name = name;
      row.origin = "site";
    }
  }
  return rows.take();
}

std::vector<Tag> by_tag(const Report& report) {
  std::vector<Tag> tags;
  RowSums rest;
  for (const Tag& tag : report.tags) {
    if (tag.origin != "site") {
      tags.push_back(tag);
      continue;
    }
    rest.add(kNoTag, tag).name = kNoTag;
  }
  std::vector<Tag> row = rest.take();
  std::move(row.begin(), row.end(), std::back_inserter(tags));
  return tags;
}

}  // namespace

std::string call_site_key(const Site& site) {
  std::string key;
  for (const Frame& frame : site.frames) {
    if (!frame.inlined) {
      key += frame.module + '\n' + frame.build_id + '\n' + std::to_string(frame.offset) + '\n';
    }
  }
  return key;
}

std::vector<Tag> split_by_site(const Tag& tag) {
  if (tag.sites.size() <= 1) {
    return {tag};
  }
  std::vector<Tag> parts;
  uint64_t at_peak_bytes = 0;
  for (const Site& site : tag.sites) {
    Tag part;
    part.name = tag.name;
    part.origin = tag.origin;
    part.figures = site.figures;
    part.at_peak_bytes = site.at_peak_bytes;
    part.sites = {site};
    at_peak_bytes += site.at_peak_bytes;
    parts.push_back(std::move(part));
  }
  if (at_peak_bytes != tag.at_peak_bytes) {
    const auto is_smaller = [](const Tag& a, const Tag& b) {
      return a.figures.allocated_bytes < b.figures.allocated_bytes;
    };
    for (Tag& part : parts) {
      part.at_peak_bytes = 0;
    }
    std::max_element(parts.begin(), parts.end(), is_smaller)->at_peak_bytes = tag.at_peak_bytes;
  }
  for (Tag& part : parts) {
    part.peak_live_bytes = std::max(part.at_peak_bytes, part.figures.live_bytes);
  }
  return parts;
}

Tag& RowSums::add(const std::string& key, const Tag& part) {
  const auto [found, is_new] = indices_.emplace(key, rows_.size());
  if (is_new) {
    Tag& row = rows_.emplace_back();
    row.name = part.name;
    row.origin = part.origin;
    site_indices_.emplace_back();
  }
  Tag& row = rows_[found->second];
  add_figures(row.figures, part.figures);
  row.at_peak_bytes += part.at_peak_bytes;
  row.peak_live_bytes = std::max(
      {row.peak_live_bytes, part.peak_live_bytes, row.at_peak_bytes, row.figures.live_bytes});
  for (Site site : part.sites) {
    site.at_peak_bytes = part.sites.size() == 1 ? part.at_peak_bytes : site.at_peak_bytes;
    add_site(row, site_indices_[found->second], site);
  }
  return row;
}

void RowSums::add_site(Tag& row, SiteIndices& indices, const Site& site) {
  const std::string key = call_site_key(site);
  const auto [found, is_new] = indices.emplace(key, row.sites.size());
  if (is_new || key.empty()) {
    row.sites.push_back(site);
    return;
  }
  Site& same = row.sites[found->second];
  add_figures(same.figures, site.figures);
  same.at_peak_bytes += site.at_peak_bytes;
  same.size_classes = std::max(same.size_classes, site.size_classes);
}

void group_by(Report& report, Grouping grouping) {
  switch (grouping) {
    case Grouping::kOwner:
      return;
    case Grouping::kSite:
      report.tags = by_site(report);
      return name_owners(report);
    case Grouping::kModule:
      report.tags = by_module(report);
      return;
    case Grouping::kTag:
      report.tags = by_tag(report);
      return;
  }
}

}  // namespace heaptag::tools
