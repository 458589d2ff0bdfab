#include "core/render/text_notes.h"

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/render/names.h"
#include "core/render/text_table.h"

namespace heaptag::render {
namespace {

constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

/// The modules whose owners have no line. The list names the first few; the count is exact up to
/// the capacity, and that is what "or more" is for.
class MissingModules {
 public:
  void add(const Frame& frame) {
    if (frame.module == nullptr) {
      return;
    }
    for (size_t i = 0; i < count_; ++i) {
      if (modules_[i]->module == frame.module ||
          std::strcmp(modules_[i]->module, frame.module) == 0) {
        return;
      }
    }
    if (count_ == kCapacity) {
      overflowed_ = true;
    } else {
      modules_[count_++] = &frame;
    }
  }

  size_t count() const { return count_; }

  void write(const Sink& out) const {
    const size_t shown = count_ < kShown ? count_ : kShown;
    for (size_t i = 0; i < shown; ++i) {
      out.put(i == 0 ? "" : ", ");
      put_printable(out, base_name(modules_[i]->module));
      write_build_id(modules_[i]->build_id, out);
    }
    if (count_ > shown) {
      out.put(", ");
      out.put(format_grouped(count_ - shown).view());
      out.put(overflowed_ ? " or more others" : " more");
    }
  }

 private:
  static constexpr size_t kShown = 2;
  static constexpr size_t kCapacity = 64;
  static constexpr size_t kBuildIdDigits = 6;

  static void write_build_id(const char* build_id, const Sink& out) {
    if (build_id == nullptr) {
      return;
    }
    const std::string_view digits = build_id;
    out.put(" (build-id ");
    put_printable(out, take_first(digits, kBuildIdDigits));
    out.put(digits.size() > kBuildIdDigits ? "\xE2\x80\xA6)" : ")");
  }

  const Frame* modules_[kCapacity];
  size_t count_ = 0;
  bool overflowed_ = false;
};

/// An owner that asks for this many size classes is taken for a wrapper if much of the program's
/// memory, or many of its calls, go through it. Counted in 30 programs of Debian 12: of the owners
/// with a fifth of either, those with 8 classes (make's xcalloc) to 73 (the compiler's xmalloc) are
/// wrappers (bash, git, lua, perl, as, diff, strdup), but for one list that grows (CPython's);
/// those that allocate for themselves ask for 1 to 3, a growing std::vector for 7.
constexpr uint32_t kWrapperSizeClasses = 8;
constexpr uint64_t kWrapperPercent = 20;
constexpr size_t kMostWrappers = 3;

uint64_t percent_of(uint64_t part, uint64_t whole) {
  constexpr uint64_t kLargest = UINT64_MAX / 100;
  if (whole == 0) {
    return 0;
  }
  return part <= kLargest ? part * 100 / whole : part / (whole / 100 + 1);
}

bool is_same_text(const char* a, const char* b) {
  return a == b || (a != nullptr && b != nullptr && std::strcmp(a, b) == 0);
}

/// A function as the user types it behind --wrappers, or the address in a module of one that has no
/// name. It is a glob in a list (core/config/wrapper_list.h) in a shell: what would mean something
/// there becomes "?", and a name that nobody would want to read ends in "*".
class TypedName {
 public:
  explicit TypedName(const Tag& tag) : frame_(owner_frame_or_null(tag)), shown_(tag.name) {}

  bool is_same(const TypedName& other) const {
    return has_function() && other.has_function() &&
           is_same_text(frame_->function, other.frame_->function) &&
           is_same_text(frame_->module, other.frame_->module);
  }

  void write(const Sink& out) const {
    if (!has_function()) {
      write_part(shown_ == nullptr ? "" : shown_, out);
      return;
    }
    write_part(frame_->function, out);
    if (frame_->module != nullptr && !is_same_text(shown_, frame_->function)) {
      out.put_char('@');
      write_part(base_name(frame_->module), out);
    }
  }

 private:
  static constexpr size_t kLongestBytes = 64;

  bool has_function() const {
    return frame_ != nullptr && frame_->function != nullptr && frame_->function[0] != '\0';
  }

  static void write_part(std::string_view text, const Sink& out) {
    size_t length_bytes = 0;
    while (length_bytes < text.size()) {
      const Utf8Char next = decode_utf8(drop_first(text, length_bytes));
      if (length_bytes + next.length_bytes > kLongestBytes) {
        return out.put_char('*');
      }
      const uint32_t c = next.code_point;
      const bool is_itself = next.valid && c >= 0x20 && c != 0x7F &&
                             (c > 0x7F || std::strchr("[,;@#'\"", static_cast<int>(c)) == nullptr);
      out.put(is_itself ? take_first(drop_first(text, length_bytes), next.length_bytes) : "?");
      length_bytes += next.length_bytes;
    }
  }

  const Frame* frame_;
  const char* shown_;
};

/// The value of a variable that was set, or null.
const char* option_or_null(const Report& report, const char* name) {
  for (size_t i = 0; i < report.option_count; ++i) {
    if (is_same_text(report.options[i].name, name)) {
      return report.options[i].value;
    }
  }
  return nullptr;
}

/// Has the user named it already, in vain? So it is when its code has no unwind tables.
bool is_listed(const Report& report, const TypedName& name) {
  const char* given = option_or_null(report, "HEAPTAG_WRAPPERS");
  char typed[256];
  BufferSink text(typed, sizeof typed);
  name.write(text.sink());
  std::string_view list = given == nullptr ? "" : given;
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (take_first(list, comma) == text.view()) {
      return true;
    }
    list = comma == std::string_view::npos ? std::string_view{} : drop_first(list, comma + 1);
  }
  return false;
}

/// One owner, or several of one function.
struct Suspect {
  const Tag* tag = nullptr;
  uint32_t size_classes = 0;
  uint64_t percent_of_bytes = 0;
  uint64_t percent_of_calls = 0;

  uint64_t percent() const {
    return percent_of_bytes > percent_of_calls ? percent_of_bytes : percent_of_calls;
  }
};

/// The suspects with the largest shares, largest first.
class Suspects {
 public:
  explicit Suspects(const Report& report) {
    const Figures& whole = report.totals.figures;
    for (size_t i = 0; i < report.tag_count && report.tag_count > 1; ++i) {
      const Tag& tag = report.tags[i];
      if (is_given_name(tag) || tag.site_count != 1 ||
          tag.sites[0].size_classes < kWrapperSizeClasses || is_listed(report, TypedName(tag))) {
        continue;
      }
      const Suspect suspect{&tag, tag.sites[0].size_classes,
                            percent_of(tag.figures.allocated_bytes, whole.allocated_bytes),
                            percent_of(tag.figures.allocations, whole.allocations)};
      if (suspect.percent() >= kWrapperPercent) {
        add(suspect);
      }
    }
  }

  size_t count() const { return count_; }

  const Suspect& operator[](size_t i) const { return suspects_[i]; }

 private:
  void add(const Suspect& suspect) {
    for (size_t i = 0; i < count_; ++i) {
      Suspect& known = suspects_[i];
      if (TypedName(*known.tag).is_same(TypedName(*suspect.tag))) {
        known.percent_of_bytes += suspect.percent_of_bytes;
        known.percent_of_calls += suspect.percent_of_calls;
        known.size_classes =
            known.size_classes > suspect.size_classes ? known.size_classes : suspect.size_classes;
        return sort_up(i);
      }
    }
    if (count_ < kMostWrappers) {
      suspects_[count_++] = suspect;
    } else if (suspects_[count_ - 1].percent() < suspect.percent()) {
      suspects_[count_ - 1] = suspect;
    } else {
      return;
    }
    sort_up(count_ - 1);
  }

  void sort_up(size_t i) {
    for (; i > 0 && suspects_[i - 1].percent() < suspects_[i].percent(); --i) {
      const Suspect larger = suspects_[i];
      suspects_[i] = suspects_[i - 1];
      suspects_[i - 1] = larger;
    }
  }

  Suspect suspects_[kMostWrappers];
  size_t count_ = 0;
};

/// "--wrappers=a,b " with those that were given already: an option replaces the variable.
void write_wrappers_option(const Report& report, const Suspects& suspects, const Sink& out) {
  char list[1024];  // three names of 2 * 64 bytes, and what somebody has typed
  BufferSink text(list, sizeof list);
  const char* given = option_or_null(report, "HEAPTAG_WRAPPERS");
  if (given != nullptr && given[0] != '\0' && std::strlen(given) < sizeof list / 2 &&
      std::strchr(given, '\'') == nullptr) {
    put_printable(text.sink(), given);
    text.sink().put_char(',');
  }
  for (size_t i = 0; i < suspects.count(); ++i) {
    text.sink().put(i == 0 ? "" : ",");
    TypedName(*suspects[i].tag).write(text.sink());
  }
  const std::string_view quote = is_plain_word(text.view()) ? "" : "'";
  out.put("--wrappers=");
  out.put(quote);
  out.put(text.view());
  out.put(quote);
  out.put(" ");
}

}  // namespace

bool is_plain_word(std::string_view text) {
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !is_digit && std::strchr("_-./:@+=,", c) == nullptr) {
      return false;
    }
  }
  return true;
}

bool write_symbols_note(const Report& report, const TextOptions& options, const Sink& out) {
  uint64_t sites = 0;
  uint64_t with_line = 0;
  // Then a site is said to be what its row is; rows that are sums have nothing of a site.
  bool is_one_each = options.rows == RowKind::kOwner || options.rows == RowKind::kSite;
  MissingModules missing;
  for (size_t i = 0; i < report.tag_count; ++i) {
    const Tag& tag = report.tags[i];
    is_one_each = is_one_each && tag.site_count <= 1;
    for (size_t s = 0; s < tag.site_count; ++s) {
      const Frame* frame = linked_frame_or_null(tag.sites[s]);
      if (frame == nullptr) {
        continue;
      }
      ++sites;
      if (frame->file != nullptr && frame->line != 0) {
        ++with_line;
      } else {
        missing.add(*frame);
      }
    }
  }
  // A program that writes its own report reads no debug information: nothing is missing then that
  // could be installed, and the last line says what to do.
  const bool is_own_report = with_line == 0 && options.next_command == nullptr;
  if (sites == with_line || is_own_report) {
    return with_line != 0;
  }
  out.put("  file and line for ");
  out.put(format_grouped(with_line).view());
  out.put(" of ");
  put_counted(out, sites, is_one_each ? noun_of(options.rows) : "site");
  if (missing.count() != 0) {
    out.put("; missing: ");
    missing.write(out);
    out.put(":\n  install their debug symbols (Debian: -dbgsym packages)");
  }
  out.put_char('\n');
  return with_line != 0;
}

void write_rules_note(const Report& report, const TextOptions& options, const Sink& out) {
  constexpr size_t kShown = 4;
  constexpr size_t kColumns = 48;  // of each
  size_t count = 0;
  for (size_t i = 0; i < report.rule_count; ++i) {
    const Rule& rule = report.rules[i];
    if (rule.matched_sites != 0 || rule.text == nullptr || ++count > kShown) {
      continue;
    }
    const std::string_view text = rule.text;
    const bool fits = count_columns(text) <= kColumns;
    out.put(count == 1 ? "  never matched: " : ", ");
    put_printable(out, fits ? text : take_first(text, bytes_of_columns(text, kColumns - 1)));
    out.put(fits ? "" : kEllipsis);
  }
  if (count == 0) {
    return;
  }
  if (count > kShown) {
    out.put(" and ");
    out.put(format_grouped(count - kShown).view());
    out.put(" more");
  }
  out.put(" (");
  out.put(options.rules_from);
  out.put(")\n");
}

void write_wrappers_note(const Report& report, const TextOptions& options, const Sink& out) {
  if (options.rows != RowKind::kOwner && options.rows != RowKind::kSite) {
    return;
  }
  const Suspects suspects(report);
  if (suspects.count() == 0) {
    return;
  }
  const bool is_one = suspects.count() == 1;
  out.put(is_one ? "  looks like a wrapper: " : "  look like wrappers: ");
  for (size_t i = 0; i < suspects.count(); ++i) {
    const Suspect& suspect = suspects[i];
    out.put(i == 0 ? "" : ", ");
    TypedName(*suspect.tag).write(out);
    out.put(" (");
    put_counted(out, suspect.size_classes, "size");
    out.put(", ");
    out.put(format_decimal(suspect.percent()).view());
    out.put(suspect.percent_of_bytes >= suspect.percent_of_calls ? "% of what was allocated)"
                                                                 : "% of the calls)");
  }
  out.put(is_one ? "; blame its callers:\n    " : "; blame their callers:\n    ");
  char words[1200];
  BufferSink option(words, sizeof words);
  write_wrappers_option(report, suspects, option.sink());
  write_run_command(report.process, option.view(), out);
  out.put_char('\n');
}

void write_run_command(const Process& process, std::string_view options, const Sink& out) {
  out.put("heaptag run ");
  out.put(options);
  out.put("-- ");
  if (process.argv_count != 0 && process.argv[0] != nullptr && process.argv[0][0] != '\0') {
    put_printable(out, process.argv[0]);
    out.put(process.argv_count > 1 ? " ..." : "");
  } else {
    put_printable(out, process.program == nullptr ? "PROGRAM" : process.program);
  }
}

}  // namespace heaptag::render
