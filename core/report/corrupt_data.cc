#include "core/report/corrupt_data.h"

#include "core/safety/guard_record.h"
#include "core/safety/stacks.h"

extern "C" {

struct HeaptagCorruptData {
  void* addr;  // of the block
  unsigned long size;
  void* pc;  // of who freed it last
};

// Under the name that programs are linked with, which may be a copy in the executable's own data,
// and under the old name, for debuggers: a variable of the program's of that name is its own.
extern __attribute__((visibility("default"))) HeaptagCorruptData heaptag_kmem_corrupt_data;
constinit HeaptagCorruptData heaptag_kmem_corrupt_data{};
extern __attribute__((visibility("default"), alias("heaptag_kmem_corrupt_data")))
HeaptagCorruptData kmem_corrupt_data;
extern __attribute__((visibility("hidden"), alias("heaptag_kmem_corrupt_data")))
HeaptagCorruptData heaptag_own_corrupt_data;
}

namespace heaptag::report {

void note_corrupt_data(const safety::Finding& finding) {
  if (finding.kind != safety::Kind::kUseAfterFreeWrite || !finding.in_block) {
    return;
  }
  uintptr_t pc = 0;
  std::span<const uintptr_t> stack;
  if (finding.guarded != nullptr) {
    const safety::GuardRecord* record = safety::record_of(finding.guarded);
    pc = record->freed_pc;
    stack = safety::stack_of(record->freed_stack);
  } else if (finding.block.record != nullptr) {
    pc = finding.block.record->freed_pc();
    stack = safety::stack_of(finding.block.record->freed_stack);
  }
  const HeaptagCorruptData data{finding.block.user(), finding.block.requested,
                                reinterpret_cast<void*>(stack.empty() ? pc : stack[0])};
  heaptag_own_corrupt_data = data;
  heaptag_kmem_corrupt_data = data;
}

}  // namespace heaptag::report
