#include "core/stack/frame_rows.h"

#include "core/os/loader.h"
#include "core/stack/eh_frame.h"
#include "core/stack/row_program.h"

namespace heaptag::stack {
namespace {

bool find_entry(uintptr_t address, FunctionEntry* entry) {
  os::LoadedObject object{};
  UnwindTables tables;
  if (!os::find_object(address, &object) ||
      !os::find_segment(object, object.eh_frame_hdr, &tables.bytes.begin, &tables.bytes.end)) {
    return false;
  }
  tables.header = object.eh_frame_hdr;
  return find_function_entry(tables, address, entry);
}

}  // namespace

bool find_frame_row(uintptr_t pc, FrameRow* row) {
  FunctionEntry entry;
  return find_entry(pc - 1, &entry) && read_frame_row(entry, pc - 1, row);
}

bool find_function_range(uintptr_t pc, uintptr_t* begin, uintptr_t* end) {
  FunctionEntry entry;
  if (!find_entry(pc - 1, &entry)) {
    return false;
  }
  *begin = entry.begin;
  *end = entry.end;
  return true;
}

}  // namespace heaptag::stack
