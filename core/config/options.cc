#include "core/config/options.h"

#include <cstddef>
#include <cstring>

#include "core/base/edit_distance.h"
#include "core/base/format.h"
#include "core/base/glob.h"
#include "core/base/text.h"
#include "core/config/area_options.h"
#include "core/config/check_options.h"
#include "core/config/kernel_options.h"
#include "core/config/signal_name.h"

namespace heaptag::config {

namespace {

constexpr std::string_view kPrefix = "HEAPTAG_";

struct Row {
  const char* name;  // with the prefix
};

constexpr Row kRows[] = {
#define HEAPTAG_OPTION(name, flag, kind, default_value, help) {"HEAPTAG_" #name},
#include "core/config/options.def"
#undef HEAPTAG_OPTION
};

// Not an option: how `heaptag run` tells the program that it started from its children.
constexpr std::string_view kRootName = "HEAPTAG_ROOT";

const char* nearest(std::string_view name) {
  const char* best = kRows[0].name;
  size_t least = SIZE_MAX;
  for (const Row& row : kRows) {
    const size_t found = edit_distance(name, row.name);
    if (found < least) {
      least = found;
      best = row.name;
    }
  }
  return best;
}

struct Reader {
  explicit Reader(const Complaints& to) : complaints(to), checks(to) {}

  Options options;
  const Complaints& complaints;
  CheckReader checks;
  AreaOptions areas;  // looked at here for what is wrong with them only

  void complain(std::string_view name, std::string_view value, std::string_view advice) const {
    complaints.tell(complaints.context, name, value, advice);
  }

  void read_format(std::string_view name, std::string_view value) {
    if (value == "text") {
      options.format = Format::kText;
    } else if (value == "json") {
      options.format = Format::kJson;
    } else if (value == "snapshot") {
      options.format = Format::kSnapshot;
    } else {
      complain(name, value, "is not a format: use text, json or snapshot");
    }
  }

  void read_children(std::string_view name, std::string_view value) {
    if (value == "report") {
      options.children = Children::kReport;
    } else if (value == "findings") {
      options.children = Children::kFindings;
    } else if (value == "off") {
      options.children = Children::kOff;
    } else {
      complain(name, value, "is none of report, findings, off");
    }
  }

  void read_signal_name(std::string_view name, std::string_view value) {
    char advice[96];
    BufferSink text(advice, sizeof(advice));
    options.signal = read_signal(value, text.sink());
    if (options.signal == 0) {
      complain(name, value, text.view());
    }
  }

  void read_path(std::string_view name, const char* value, const char** to) {
    if (value[0] == '\0') {
      complain(name, value, "is empty: give a path");
    } else {
      *to = value;
    }
  }

  void read(std::string_view name, const char* value) {
    if (name == "HEAPTAG_REPORT") {
      read_path(name, value, &options.report);
    } else if (name == "HEAPTAG_FORMAT") {
      read_format(name, value);
    } else if (name == "HEAPTAG_LOG") {
      read_path(name, value, &options.log);
    } else if (name == "HEAPTAG_TAGS") {
      options.tags = value[0] == '\0' ? nullptr : value;
    } else if (name == "HEAPTAG_WRAPPERS") {
      options.wrappers = value[0] == '\0' ? nullptr : value;
    } else if (name == "HEAPTAG_PROGRAMS") {
      options.programs = value[0] == '\0' ? nullptr : value;
    } else if (name == "HEAPTAG_CHILDREN") {
      read_children(name, value);
    } else if (name == "HEAPTAG_SIGNAL") {
      read_signal_name(name, value);
    } else if (name == kRootName) {
      options.root = value;
    } else if (!checks.read(name, value) &&
               !read_kernel_option(name, value, complaints, &options.kernel) &&
               !read_area_option(name, value, complaints, &areas)) {
      char advice[96];
      BufferSink text(advice, sizeof(advice));
      text.sink().put("is not known; the nearest is ");
      text.sink().put(nearest(name));
      complain(name, value, text.view());
    }
  }
};

}  // namespace

Options read_options(char** environment, const Complaints& complaints) {
  Reader reader(complaints);
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    if (std::strncmp(*entry, kPrefix.data(), kPrefix.size()) == 0 && equals != nullptr) {
      reader.options.any = true;
      reader.read({*entry, static_cast<size_t>(equals - *entry)}, equals + 1);
    }
  }
  reader.options.check = reader.checks.result();
  return reader.options;
}

bool selects(std::string_view globs, std::string_view name) {
  bool selected = !globs.empty();  // by exclusions alone
  bool matched = false;
  while (!globs.empty()) {
    const size_t comma = globs.find(',');
    std::string_view glob = take_first(globs, comma);
    globs = comma == std::string_view::npos ? std::string_view{} : drop_first(globs, comma + 1);
    const bool excludes = glob.starts_with('!');
    if (glob_matches(excludes ? drop_first(glob, 1) : glob, name)) {
      selected = !excludes;
      matched = true;
    } else if (!excludes && !matched) {
      selected = false;
    }
  }
  return selected;
}

unsigned set_options(char** environment, OptionValue* values) {
  unsigned count = 0;
  for (const Row& row : kRows) {
    const size_t length = std::strlen(row.name);
    for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
      if (std::strncmp(*entry, row.name, length) == 0 && (*entry)[length] == '=' &&
          count < kMaxOptions) {
        values[count++] = {row.name, *entry + length + 1};
        break;
      }
    }
  }
  return count;
}

}  // namespace heaptag::config
