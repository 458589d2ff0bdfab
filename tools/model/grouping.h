// Views of one report: its owners, its call sites, the modules that they lie in, or its tags.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/model/report.h"

namespace heaptag::tools {

enum class Grouping { kOwner, kSite, kModule, kTag };

/// The row of all that nobody named, in a report by tags.
inline constexpr const char* kNoTag = "(no tag)";

/// Makes a row of each site, module or named tag. Sums stay what they are; a row's own peak is the
/// largest that is certain: of its parts, of what they held together at the peak, and of what they
/// hold now.
void group_by(Report& report, Grouping grouping);

/// A tag for each site of `tag`, with its name and origin; one for a tag with a single site or
/// none. Where only their sum is known, the largest site has all that the tag held at the peak.
std::vector<Tag> split_by_site(const Tag& tag);

/// The same text for the same place in the code; "" when that is not known.
std::string call_site_key(const Site& site);

/// Rows that parts are added to: by a key of the caller's, in the order of their first parts.
class RowSums {
 public:
  /// Adds figures, peaks and sites to the row of `key`, which has the name and the origin of its
  /// first part. A call site that the row has already is one with it. Returns the row, to be
  /// changed before the next is added.
  Tag& add(const std::string& key, const Tag& part);

  /// Ends the use of this object.
  std::vector<Tag> take() { return std::move(rows_); }

 private:
  using SiteIndices = std::map<std::string, size_t>;

  static void add_site(Tag& row, SiteIndices& indices, const Site& site);

  std::map<std::string, size_t> indices_;
  std::vector<Tag> rows_;
  std::vector<SiteIndices> site_indices_;  // of rows_
};

}  // namespace heaptag::tools
