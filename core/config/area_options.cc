#include "core/config/area_options.h"

#include <cstring>

namespace heaptag::config {

namespace {

constexpr std::string_view kPrefix = "HEAPTAG_AREAS_";

// It becomes part of a file's name.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > AreaOptions::kMaxNamespaceBytes) {
    return false;
  }
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_') {
      return false;
    }
  }
  return true;
}

}  // namespace

bool read_area_option(std::string_view name,
                      const char* value,
                      const Complaints& complaints,
                      AreaOptions* options) {
  const std::string_view text = value;
  const char* advice = nullptr;
  if (name == "HEAPTAG_AREAS_DIALECT") {
    if (text == "be" || text == "haiku") {
      options->dialect = text == "be" ? AreaDialect::kBe : AreaDialect::kHaiku;
    } else {
      advice = "is neither be nor haiku";
    }
  } else if (name == "HEAPTAG_AREAS_FORK") {
    if (text == "shared") {
      options->fork = AreaFork::kShared;
    } else if (text == "haiku") {
      options->fork = AreaFork::kHaiku;
    } else if (text == "be") {
      options->fork = AreaFork::kBe;
    } else {
      advice = "is none of shared, haiku, be";
    }
  } else if (name == "HEAPTAG_AREAS_FOREIGN_DELETE") {
    if (text == "0" || text == "1") {
      options->foreign_delete = text == "1";
      options->foreign_delete_given = true;
    } else {
      advice = "is neither 0 nor 1";
    }
  } else if (name == "HEAPTAG_AREAS_NAMESPACE") {
    if (is_name(text)) {
      options->name_space = text;
    } else {
      advice = "is no name of 1 to 32 letters, digits, - and _";
    }
  } else {
    return false;
  }
  if (advice != nullptr) {
    complaints.tell(complaints.context, name, text, advice);
  }
  return true;
}

AreaOptions read_area_options(char** environment, const Complaints& complaints) {
  AreaOptions options;
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    if (equals != nullptr && std::strncmp(*entry, kPrefix.data(), kPrefix.size()) == 0) {
      read_area_option({*entry, static_cast<size_t>(equals - *entry)}, equals + 1, complaints,
                       &options);
    }
  }
  return options;
}

}  // namespace heaptag::config
