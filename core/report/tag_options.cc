#include "core/report/tag_options.h"

#include <string_view>

#include "core/allocator/threads.h"
#include "core/base/format.h"
#include "core/config/tag_rules.h"
#include "core/config/wrapper_list.h"
#include "core/meta/meta_allocator.h"
#include "core/os/file.h"
#include "core/report/log.h"
#include "core/tag/owners.h"
#include "core/tag/rules.h"
#include "core/tag/wrapper_names.h"

namespace heaptag::report {

namespace {

struct Reader {
  std::string_view option;  // "HEAPTAG_TAGS"
  bool is_loud;

  void complain(const config::Mistake& mistake, std::string_view what_is_left_out) const {
    if (is_loud) {
      log_line({option, ": line ", format_decimal(mistake.line).view(), ", column ",
                format_decimal(mistake.column).view(), ": ", mistake.what, "; ", what_is_left_out,
                " is ignored"});
    }
  }
};

const Reader& reader_of(void* context) {
  return *static_cast<const Reader*>(context);
}

/// A value that outlives the environment block; or the contents of the file behind the @. Empty
/// when there is nothing to read.
std::string_view keep_text(const char* value, const Reader& reader) {
  if (value[0] != '@') {
    return meta::keep_text(value);
  }
  const os::MappedFile file = os::map_file(value + 1);  // stays mapped: rules point into it
  if (file.data == nullptr && reader.is_loud) {
    log_line({reader.option, "=", value,
              ": the file cannot be read; give the path of a file with "
              "rules behind the @"});
  }
  return {reinterpret_cast<const char*>(file.data), file.size_bytes};
}

void read_rules(const char* value, bool is_loud) {
  Reader reader{"HEAPTAG_TAGS", is_loud};
  const auto add = [](void* context, const config::TagRule& rule) {
    if (!tag::add_rule(rule) && reader_of(context).is_loud) {
      log_line({"HEAPTAG_TAGS: '", rule.text, "': too many rules; it is ignored"});
    }
  };
  const auto complain = [](void* context, const config::Mistake& mistake) {
    reader_of(context).complain(mistake, "the rule");
  };
  config::read_tag_rules(keep_text(value, reader), config::RuleUse::kInTarget,
                         {add, complain, &reader});
}

void read_wrappers(const char* value, bool is_loud) {
  Reader reader{"HEAPTAG_WRAPPERS", is_loud};
  const auto add = [](void* context, std::string_view function, std::string_view library) {
    if (!tag::add_wrapper_glob(function, library) && reader_of(context).is_loud) {
      log_line({"HEAPTAG_WRAPPERS: '", function, "': too many wrappers; it is ignored"});
    }
  };
  const auto complain = [](void* context, const config::Mistake& mistake) {
    reader_of(context).complain(mistake, "the wrapper");
  };
  config::read_wrapper_list(keep_text(value, reader), {add, complain, &reader});
}

}  // namespace

void apply_tag_options(const config::Options& options, bool is_loud) {
  if (options.wrappers != nullptr) {
    read_wrappers(options.wrappers, is_loud);
  }
  if (options.tags != nullptr) {
    read_rules(options.tags, is_loud);
  }
  if (options.wrappers != nullptr || options.tags != nullptr) {
    tag::apply_rules();
    allocator::rules_have_come();
  }
}

}  // namespace heaptag::report
