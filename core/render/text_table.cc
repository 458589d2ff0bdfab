#include "core/render/text_table.h"

#include "core/base/format.h"
#include "core/base/sort.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/render/names.h"

namespace heaptag::render {
namespace {

enum Column { kFirst, kPercent, kSecond, kBlocks, kCalls, kAverage, kColumnCount };

constexpr size_t kMinimumWidths[kColumnCount] = {8, 6, 8, 6, 8, 8};
constexpr size_t kMinimumOwnerColumns = 21;
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

uint64_t add_saturated(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

/// One line of figures: an owner, the rest, or the total.
struct Row {
  uint64_t first = 0;   // what the table is sorted by
  uint64_t second = 0;  // the other one of at peak and in use
  uint64_t blocks = 0;
  uint64_t calls = 0;
  uint64_t allocated = 0;

  void add(const Row& other) {
    first = add_saturated(first, other.first);
    second = add_saturated(second, other.second);
    blocks = add_saturated(blocks, other.blocks);
    calls = add_saturated(calls, other.calls);
    allocated = add_saturated(allocated, other.allocated);
  }

  uint64_t average() const { return calls == 0 ? 0 : allocated / calls; }
};

Row row_of(const Tag& tag, SortKey sort) {
  Row row;
  const bool by_live = sort == SortKey::kLive;
  row.first = by_live ? tag.figures.live_bytes : tag.at_peak_bytes;
  row.second = by_live ? tag.at_peak_bytes : tag.figures.live_bytes;
  row.blocks = tag.figures.live_blocks;
  row.calls = tag.figures.allocations;
  row.allocated = tag.figures.allocated_bytes;
  return row;
}

/// The order of rows, largest first. Total: equal figures are ordered by name, equal names by
/// place, so that two reports of the same figures are the same text.
class RowOrder {
 public:
  RowOrder(const Report& report, const TextOptions& options)
      : tags_(report.tags), count_(report.tag_count), sort_(options.sort), key_(options.order) {
    if (options.scratch.size() < count_) {
      return;
    }
    sorted_ = options.scratch.data();
    for (size_t i = 0; i < count_; ++i) {
      sorted_[i] = static_cast<uint32_t>(i);
    }
    sort_in_place(sorted_, count_, [this](size_t a, size_t b) { return precedes(a, b); });
  }

  /// Calls visit(tag) for the first `shown` rows in order.
  template <class Visit>
  void for_each(size_t shown, Visit visit) const {
    size_t previous = 0;
    for (size_t i = 0; i < shown; ++i) {
      previous = sorted_ != nullptr ? sorted_[i] : next_after(i == 0, previous);
      visit(tags_[previous]);
    }
  }

 private:
  bool precedes(size_t a, size_t b) const {
    const Row left = row_of(tags_[a], sort_);
    const Row right = row_of(tags_[b], sort_);
    if (key_of(left) != key_of(right)) {
      return key_of(left) > key_of(right);
    }
    if (left.first != right.first) {
      return left.first > right.first;
    }
    if (left.second != right.second) {
      return left.second > right.second;
    }
    if (left.allocated != right.allocated) {
      return left.allocated > right.allocated;
    }
    const int names = std::strcmp(name_of(a), name_of(b));
    return names != 0 ? names < 0 : a < b;
  }

  uint64_t key_of(const Row& row) const {
    switch (key_) {
      case RowKey::kBlocks:
        return row.blocks;
      case RowKey::kCalls:
        return row.calls;
      case RowKey::kAllocated:
        return row.allocated;
      default:
        return row.first;
    }
  }

  const char* name_of(size_t i) const { return tags_[i].name == nullptr ? "" : tags_[i].name; }

  size_t next_after(bool is_first, size_t previous) const {
    size_t best = count_;
    for (size_t i = 0; i < count_; ++i) {
      if ((is_first || precedes(previous, i)) && (best == count_ || precedes(i, best))) {
        best = i;
      }
    }
    return best;
  }

  const Tag* tags_;
  size_t count_;
  SortKey sort_;
  RowKey key_;
  uint32_t* sorted_ = nullptr;
};

/// The text at the right end: file:line, or the address in the module; nothing when that address is
/// the owner's name already.
struct Place {
  const Frame* frame = nullptr;
  size_t site_count = 0;
  bool is_in_name = false;

  explicit Place(const Tag& tag) : frame(owner_frame_or_null(tag)), site_count(tag.site_count) {
    is_in_name = frame != nullptr && frame->file == nullptr && !is_given_name(tag) &&
                 (frame->function == nullptr || frame->function[0] == '\0');
  }

  void write(const Sink& out) const {
    if (is_in_name) {
      return;
    }
    if (frame == nullptr) {
      if (site_count > 1) {
        put_counted(out, site_count, "site");
      }
    } else if (frame->file != nullptr) {
      put_printable(out, frame->file);
      if (frame->line != 0) {
        out.put_char(':');
        out.put(format_decimal(frame->line).view());
      }
    } else {
      if (frame->module != nullptr) {
        put_printable(out, base_name(frame->module));
        out.put_char('+');
      }
      out.put(format_hex(frame->offset).view());
    }
  }

  bool is_address() const { return frame != nullptr && frame->file == nullptr; }

  size_t columns() const {
    size_t count = 0;
    const auto add = [](void* context, const char* data, size_t size_bytes) {
      *static_cast<size_t*>(context) += count_columns({data, size_bytes});
    };
    write(Sink{add, &count});
    return count;
  }
};

/// An owner's name, in brackets when somebody gave it, cut to a number of columns.
struct OwnerName {
  std::string_view name;
  bool is_given;

  explicit OwnerName(const Tag& tag)
      : name(tag.name == nullptr ? "-" : tag.name), is_given(is_given_name(tag)) {}

  size_t columns() const { return count_columns(name) + (is_given ? 2 : 0); }

  void write_padded(const Sink& out, size_t width) const {
    const size_t brackets = is_given ? 2 : 0;
    std::string_view shown = name;
    bool is_cut = false;
    if (columns() > width) {
      is_cut = true;
      const size_t kept = width > brackets + 1 ? width - brackets - 1 : 0;
      shown = take_first(name, bytes_of_columns(name, kept));
    }
    const size_t used = is_cut ? width : columns();
    out.put(is_given ? "[" : "");
    put_printable(out, shown);
    out.put(is_cut ? kEllipsis : "");
    out.put(is_given ? "]" : "");
    put_repeated(out, ' ', width > used ? width - used : 0);
  }
};

/// Widths and scales of the columns, and how a row looks in them.
class Layout {
 public:
  Layout(const Row& total, const TextOptions& options)
      : total_(total), bytes_(options.bytes), max_columns_(options.max_columns) {
    for (size_t i = 0; i < kColumnCount; ++i) {
      widths_[i] = kMinimumWidths[i];
    }
    styles_[kFirst] = size_style_for(total.first);
    styles_[kSecond] = size_style_for(total.second);
  }

  /// Averages do not add up, so the scale of their column is that of the largest one.
  void scale_average(const Row& row) {
    if (row.average() >= largest_average_) {
      largest_average_ = row.average();
      styles_[kAverage] = size_style_for(largest_average_);
    }
  }

  void fit(const Row& row) {
    for (size_t i = 0; i < kColumnCount; ++i) {
      const size_t width = cell(row, static_cast<Column>(i)).size();
      widths_[i] = width > widths_[i] ? width : widths_[i];
    }
  }

  /// An owner without a place has the place's column for its name too.
  void fit_owner(const Tag& tag) {
    const Place place(tag);
    if (place.columns() == 0) {
      return;
    }
    const size_t name_columns = OwnerName(tag).columns();
    with_addresses_.fit(name_columns, place.columns());
    if (!place.is_address()) {
      without_addresses_.fit(name_columns, place.columns());
    }
  }

  /// Where the line is too short, addresses go first (the JSON report has them), then ends of
  /// names.
  void limit_owner() {
    if (max_columns_ == 0) {
      return;
    }
    size_t used = 2;
    for (const size_t width : widths_) {
      used += width + 2;
    }
    room_ = max_columns_ > used + kMinimumOwnerColumns ? max_columns_ - used : kMinimumOwnerColumns;
    shows_addresses_ = with_addresses_.owner + 2 + with_addresses_.place <= room_;
    OwnerWidths& widths = shows_addresses_ ? with_addresses_ : without_addresses_;
    const size_t left = room_ > widths.place + 2 ? room_ - widths.place - 2 : 0;
    const size_t limit = left > kMinimumOwnerColumns ? left : kMinimumOwnerColumns;
    widths.owner = widths.owner < limit ? widths.owner : limit;
  }

  NumberText cell(const Row& row, Column column) const {
    switch (column) {
      case kFirst:
        return size_cell(row.first, column);
      case kPercent:
        return format_percent(row.first, total_.first);
      case kSecond:
        return size_cell(row.second, column);
      case kBlocks:
        return format_grouped(row.blocks);
      case kCalls:
        return format_grouped(row.calls);
      default:
        break;
    }
    if (row.calls == 0) {
      NumberText unknown;
      unknown.append('-');
      return unknown;
    }
    return size_cell(row.average(), column);
  }

  size_t width(Column column) const { return widths_[column]; }

  size_t owner_width() const {
    return shows_addresses_ ? with_addresses_.owner : without_addresses_.owner;
  }

  /// For a name with nothing behind it.
  size_t room() const { return room_; }

  bool shows(const Place& place) const {
    return place.columns() != 0 && (shows_addresses_ || !place.is_address());
  }

 private:
  struct OwnerWidths {
    size_t owner = kMinimumOwnerColumns;
    size_t place = 0;

    void fit(size_t owner_columns, size_t place_columns) {
      owner = owner_columns > owner ? owner_columns : owner;
      place = place_columns > place ? place_columns : place;
    }
  };

  NumberText size_cell(uint64_t value, Column column) const {
    return bytes_ ? format_grouped(value) : format_size(value, styles_[column]);
  }

  const Row& total_;
  bool bytes_;
  size_t max_columns_;
  uint64_t largest_average_ = 0;
  SizeStyle styles_[kColumnCount] = {};
  size_t widths_[kColumnCount];
  OwnerWidths with_addresses_;
  OwnerWidths without_addresses_;
  bool shows_addresses_ = true;
  size_t room_ = SIZE_MAX;
};

void write_figures(const Layout& layout, const Row& row, bool with_average, const Sink& out) {
  for (size_t i = 0; i < kColumnCount; ++i) {
    const Column column = static_cast<Column>(i);
    const bool is_empty = column == kAverage && !with_average;
    out.put("  ");
    put_padded_left(out, is_empty ? "" : layout.cell(row, column).view(), layout.width(column));
  }
  out.put("  ");
}

void write_heading(const Layout& layout, const TextOptions& options, const Sink& out) {
  const bool by_live = options.sort == SortKey::kLive;
  const std::string_view headings[kColumnCount] = {by_live ? "in use" : "at peak",
                                                   "%",
                                                   by_live ? "at peak" : "in use",
                                                   "blocks",
                                                   "calls",
                                                   "avg size"};
  for (size_t i = 0; i < kColumnCount; ++i) {
    out.put("  ");
    put_padded_left(out, headings[i], layout.width(static_cast<Column>(i)));
  }
  out.put("  ");
  out.put(noun_of(options.rows));
  out.put_char('\n');
}

void write_rule(const Layout& layout, const Sink& out) {
  for (size_t i = 0; i < kColumnCount; ++i) {
    out.put("  ");
    put_repeated(out, i == kAverage ? ' ' : '-', layout.width(static_cast<Column>(i)));
  }
  out.put("  ------\n");
}

void write_rest_owner(size_t rest, const Layout& layout, const Sink& out) {
  NumberText text = format_grouped(rest);
  text.append(" more");
  put_padded_right(out, text.view(), layout.owner_width());
  out.put("  (--top 0 shows all)\n");
}

void write_owner(const Tag& tag, const Layout& layout, const Sink& out) {
  const Place place(tag);
  const OwnerName name(tag);
  if (layout.shows(place)) {
    name.write_padded(out, layout.owner_width());
    out.put("  ");
    place.write(out);
  } else {
    name.write_padded(out, name.columns() < layout.room() ? name.columns() : layout.room());
  }
  out.put_char('\n');
}

}  // namespace

std::string_view noun_of(RowKind rows) {
  constexpr std::string_view kNouns[] = {"owner", "site", "module", "tag"};
  return kNouns[static_cast<size_t>(rows)];
}

const Frame* owner_frame_or_null(const Tag& tag) {
  return tag.site_count == 1 ? linked_frame_or_null(tag.sites[0]) : nullptr;
}

bool is_given_name(const Tag& tag) {
  return tag.origin != nullptr && std::strcmp(tag.origin, "site") != 0;
}

const Frame* linked_frame_or_null(const Site& site) {
  for (size_t i = 0; i < site.frame_count; ++i) {
    if (!site.frames[i].inlined) {
      return &site.frames[i];
    }
  }
  return site.frame_count == 0 ? nullptr : &site.frames[0];
}

void write_owner_table(const Report& report, const TextOptions& options, const Sink& out) {
  const size_t count = report.tag_count;
  const size_t shown = options.top == 0 || options.top > count ? count : options.top;
  const RowOrder order(report, options);

  Row total;
  for (size_t i = 0; i < count; ++i) {
    total.add(row_of(report.tags[i], options.sort));
  }
  Layout layout(total, options);
  Row top;
  order.for_each(shown, [&](const Tag& tag) {
    const Row row = row_of(tag, options.sort);
    top.add(row);
    layout.scale_average(row);
  });
  Row rest;
  rest.first = total.first - top.first;
  rest.second = total.second - top.second;
  rest.blocks = total.blocks - top.blocks;
  rest.calls = total.calls - top.calls;
  rest.allocated = total.allocated - top.allocated;
  layout.scale_average(rest);

  order.for_each(shown, [&](const Tag& tag) {
    layout.fit(row_of(tag, options.sort));
    layout.fit_owner(tag);
  });
  layout.fit(rest);
  layout.fit(total);
  layout.limit_owner();

  write_heading(layout, options, out);
  order.for_each(shown, [&](const Tag& tag) {
    write_figures(layout, row_of(tag, options.sort), true, out);
    write_owner(tag, layout, out);
  });
  if (shown < count) {
    write_figures(layout, rest, true, out);
    write_rest_owner(count - shown, layout, out);
  }
  write_rule(layout, out);
  write_figures(layout, total, false, out);
  put_counted(out, count, noun_of(options.rows));
  out.put(", counted, not sampled\n");
}

}  // namespace heaptag::render
