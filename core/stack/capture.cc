#include "core/stack/capture.h"

#include "core/stack/frame_rows.h"

namespace heaptag::stack {

namespace {

// A direct-mapped table that threads read and write without a lock: an entry whose two words do not
// belong together is nobody's.
struct CachedRow {
  uint64_t mixed;  // pc ^ row
  uint64_t row;    // packed; kNoRow: there is none
};

constexpr size_t kCachedRows = 4096;
constexpr uint64_t kNoRow = uint64_t{1} << 63;

constinit CachedRow cache[kCachedRows]{};

// What lies further out is no stack.
constexpr uintptr_t kMaxFrameBytes = uintptr_t{128} << 20;
constexpr uintptr_t kUserSpaceEnd = uintptr_t{1} << 47;

uint64_t look_up(uintptr_t pc) {
  FrameRow row;
  return find_frame_row(pc, &row) ? row.pack() : kNoRow;
}

uint64_t row_of(uintptr_t pc) {
  CachedRow& entry = cache[(pc * 0x9E3779B97F4A7C15U) >> 52];
  static_assert(kCachedRows == size_t{1} << (64 - 52));
  const uint64_t row = __atomic_load_n(&entry.row, __ATOMIC_RELAXED);
  if (row != 0 && (__atomic_load_n(&entry.mixed, __ATOMIC_RELAXED) ^ row) == pc) {
    return row;
  }
  const uint64_t found = look_up(pc);
  __atomic_store_n(&entry.row, found, __ATOMIC_RELAXED);
  __atomic_store_n(&entry.mixed, pc ^ found, __ATOMIC_RELAXED);
  return found;
}

bool leads_outward(const FrameRow& row, const Frame& frame) {
  return cfa_of(row, frame) - frame.sp - 1 < kMaxFrameBytes;
}

}  // namespace

unsigned capture(const Frame& from, bool (*skip)(uintptr_t pc), unsigned depth, uintptr_t* pcs) {
  Frame frame = from;
  unsigned count = 0;
  bool is_inside = true;
  while (count < depth && frame.pc - 1 < kUserSpaceEnd - 1) {
    is_inside = is_inside && skip(frame.pc);
    if (!is_inside) {
      pcs[count++] = frame.pc;
    }
    const uint64_t packed = row_of(frame.pc);
    const FrameRow row = FrameRow::unpack(packed);
    if (packed == kNoRow || !leads_outward(row, frame)) {
      break;
    }
    frame = step(row, frame);
  }
  return count;
}

void forget_rows() {
  for (CachedRow& entry : cache) {
    __atomic_store_n(&entry.row, 0, __ATOMIC_RELAXED);
  }
}

}  // namespace heaptag::stack
