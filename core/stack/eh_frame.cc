#include "core/stack/eh_frame.h"

#include <string_view>

namespace heaptag::stack {
namespace {

constexpr uint8_t kHeaderVersion = 1;
constexpr uint8_t kSearchTableEncoding = 0x3b;  // signed 32-bit offsets from the header

/// A row of the search table, as mapped: offsets from the header.
struct SearchRow {
  int32_t code;
  int32_t entry;
};

/// From `at` to the end of the tables; empty when that is outside.
ByteReader reader_at(const UnwindTables& tables, uintptr_t at) {
  return ByteReader(at >= tables.bytes.begin ? ByteRange{at, tables.bytes.end} : ByteRange{});
}

SearchRow search_row(uintptr_t rows, uint64_t index) {
  SearchRow row;
  std::memcpy(&row, reinterpret_cast<const void*>(rows + index * sizeof row), sizeof row);
  return row;
}

/// Where the last entry whose code begins at or below `address` is mapped; 0 without one.
uintptr_t search(const UnwindTables& tables, uintptr_t address) {
  ByteReader reader = reader_at(tables, tables.header);
  const auto version = reader.fixed<uint8_t>();
  const auto frames_encoding = reader.fixed<uint8_t>();
  const auto count_encoding = reader.fixed<uint8_t>();
  const auto table_encoding = reader.fixed<uint8_t>();
  if (version != kHeaderVersion || table_encoding != kSearchTableEncoding ||
      count_encoding == kPointerOmitted) {
    return 0;
  }
  if (frames_encoding != kPointerOmitted) {
    reader.pointer_value(frames_encoding & kPointerFormatMask);  // the table says more
  }
  const uint64_t count = reader.pointer(count_encoding);
  const ByteRange rows = reader.rest();
  if (reader.failed() || count > (rows.end - rows.begin) / sizeof(SearchRow)) {
    return 0;
  }
  uint64_t first = 0;  // the first row behind the address lies in [first, last]
  uint64_t last = count;
  while (first < last) {
    const uint64_t middle = first + (last - first) / 2;
    const int64_t code = search_row(rows.begin, middle).code;
    if (tables.header + static_cast<uint64_t>(code) <= address) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  if (first == 0) {
    return 0;
  }
  const int64_t found = search_row(rows.begin, first - 1).entry;
  return tables.header + static_cast<uint64_t>(found);
}

/// A reader of the record (CIE or FDE) at `at`, behind its length. One with a 64-bit length claims
/// to be longer than what is mapped, and so is none.
ByteReader open_record(const UnwindTables& tables, uintptr_t at) {
  ByteReader reader = reader_at(tables, at);
  const uint64_t size_bytes = reader.fixed<uint32_t>();
  const uintptr_t begin = reader.at();
  reader.skip(size_bytes);
  return reader.failed() ? reader : ByteReader(ByteRange{begin, begin + size_bytes});
}

std::string_view read_augmentation(ByteReader* reader) {
  const uintptr_t begin = reader->at();
  while (reader->fixed<uint8_t>() != 0) {
  }
  if (reader->failed()) {
    return {};
  }
  return {reinterpret_cast<const char*>(begin), reader->at() - begin - 1};
}

/// What the letters behind the 'z' stand for. False for a letter that we do not know.
bool read_augmentation_data(ByteReader reader, std::string_view letters, FunctionEntry* entry) {
  for (const char letter : letters) {
    switch (letter) {
      case 'R':
        entry->pointer_encoding = reader.fixed<uint8_t>();
        break;
      case 'L':
        reader.skip(1);
        break;
      case 'P': {
        const auto encoding = reader.fixed<uint8_t>();
        if ((encoding & kPointerBaseMask) == kPointerAligned) {
          return false;
        }
        reader.pointer_value(encoding & kPointerFormatMask);
        break;
      }
      case 'S':
        entry->is_signal_frame = true;
        break;
      case 'B':
        break;
      default:
        return false;
    }
  }
  return !reader.failed();
}

/// Reads the CIE at `at`.
bool read_common(const UnwindTables& tables, uintptr_t at, FunctionEntry* entry, bool* has_data) {
  ByteReader reader = open_record(tables, at);
  const auto id = reader.fixed<uint32_t>();
  const auto version = reader.fixed<uint8_t>();
  if (id != 0 || (version != 1 && version != 3)) {
    return false;
  }
  std::string_view augmentation = read_augmentation(&reader);
  entry->code_factor = reader.uleb128();
  entry->data_factor = reader.sleb128();
  entry->return_register = version == 1 ? reader.fixed<uint8_t>() : reader.uleb128();
  *has_data = !augmentation.empty();
  if (*has_data) {
    const uint64_t size_bytes = reader.uleb128();
    const uintptr_t begin = reader.at();
    reader.skip(size_bytes);
    if (augmentation.front() != 'z') {
      return false;
    }
    augmentation.remove_prefix(1);
    if (!read_augmentation_data(ByteReader(ByteRange{begin, reader.at()}), augmentation, entry)) {
      return false;
    }
  }
  entry->initial_program = reader.rest();
  return !reader.failed();
}

}  // namespace

bool find_function_entry(const UnwindTables& tables, uintptr_t address, FunctionEntry* entry) {
  ByteReader reader = open_record(tables, search(tables, address));
  const uintptr_t id_place = reader.at();
  const auto common_distance = reader.fixed<uint32_t>();
  FunctionEntry found;
  bool has_data = false;
  if (!read_common(tables, id_place - common_distance, &found, &has_data)) {
    return false;
  }
  found.begin = reader.pointer(found.pointer_encoding);
  found.end = found.begin + reader.pointer_value(found.pointer_encoding & kPointerFormatMask);
  if (has_data) {
    reader.skip(reader.uleb128());
  }
  found.program = reader.rest();
  if (reader.failed() || address < found.begin || address >= found.end) {
    return false;
  }
  *entry = found;
  return true;
}

}  // namespace heaptag::stack
