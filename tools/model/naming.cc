#include "tools/model/naming.h"

#include <algorithm>

#include "core/render/names.h"

namespace heaptag::tools {
namespace {

/// The frame that stands for an owner; null when it has none, or several that are no one's.
const Frame* naming_frame_or_null(const Tag& tag) {
  if (tag.origin != "site" || tag.sites.size() != 1) {
    return nullptr;
  }
  return linked_frame_or_null(tag.sites[0]);
}

}  // namespace

const Frame* linked_frame_or_null(const Site& site) {
  const auto found = std::find_if(site.frames.begin(), site.frames.end(),
                                  [](const Frame& frame) { return !frame.inlined; });
  return found == site.frames.end() ? nullptr : &*found;
}

void name_owners(Report& report) {
  std::vector<render::NameRequest> requests;
  for (const Tag& tag : report.tags) {
    render::NameRequest request;
    if (const Frame* frame = naming_frame_or_null(tag); frame != nullptr) {
      request.function = frame->function.c_str();
      request.function_offset = frame->function_offset;
      request.module = frame->module.c_str();
      request.offset = frame->offset;
    } else {
      request.given = tag.name.c_str();
    }
    requests.push_back(request);
  }
  std::vector<const char*> names(requests.size());
  std::vector<uint32_t> scratch(render::name_scratch_words(requests.size()));
  std::vector<char> chars(render::name_chars(requests));
  if (!render::name_owners(requests, names, scratch, chars)) {
    return;
  }
  // The requests borrow the old names until here.
  for (size_t i = 0; i < names.size(); ++i) {
    report.tags[i].name = names[i];
  }
}

}  // namespace heaptag::tools
