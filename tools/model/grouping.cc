#include "tools/model/grouping.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/render/names.h"
#include "tools/model/naming.h"

namespace heaptag::tools {
namespace {

std::string module_of(const Site& site) {
  if (site.frames.empty()) {
    return "(not known)";
  }
  const std::string& path = site.frames.back().module;
  return path.empty() ? "(no module)" : render::base_name(path.c_str());
}

/// A tag with several sites knows its peaks only as a whole: they stay with its largest site.
std::vector<Tag> split(const Tag& tag) {
  std::vector<Tag> parts;
  for (const Site& site : tag.sites) {
    Tag part;
    part.name = tag.name;
    part.origin = "site";
    part.figures = site.figures;
    part.peak_live_bytes = site.figures.live_bytes;
    part.sites = {site};
    parts.push_back(std::move(part));
  }
  if (!parts.empty()) {
    const auto largest =
        std::max_element(parts.begin(), parts.end(), [](const Tag& a, const Tag& b) {
          return a.figures.allocated_bytes < b.figures.allocated_bytes;
        });
    largest->at_peak_bytes = tag.at_peak_bytes;
    largest->peak_live_bytes = tag.peak_live_bytes;
  }
  return parts;
}

}  // namespace

void group_by(Report& report, Grouping grouping) {
  if (grouping == Grouping::kOwner) {
    return;
  }
  std::vector<Tag> sites;
  for (const Tag& tag : report.tags) {
    std::vector<Tag> parts = tag.sites.empty() ? std::vector<Tag>{tag} : split(tag);
    std::move(parts.begin(), parts.end(), std::back_inserter(sites));
  }
  if (grouping == Grouping::kSite) {
    report.tags = std::move(sites);
    name_owners(report);
    return;
  }
  std::map<std::string, Tag> modules;
  for (Tag& site : sites) {
    const std::string name = site.sites.empty() ? site.name : module_of(site.sites[0]);
    Tag& row = modules[name];
    row.name = name;
    row.origin = "site";
    add_figures(row.figures, site.figures);
    row.at_peak_bytes += site.at_peak_bytes;
    row.peak_live_bytes = std::max(
        {row.peak_live_bytes, site.peak_live_bytes, row.at_peak_bytes, row.figures.live_bytes});
    std::move(site.sites.begin(), site.sites.end(), std::back_inserter(row.sites));
  }
  report.tags.clear();
  for (auto& [name, row] : modules) {
    report.tags.push_back(std::move(row));
  }
}

}  // namespace heaptag::tools
