#include "core/report/corrupt_data.h"

#include "core/safety/guard_record.h"
#include "core/safety/stacks.h"

extern "C" {

struct HeaptagCorruptData {
  void* address;  // of the block
  unsigned long size;
  void* pc;  // of who freed it last
};

extern __attribute__((visibility("default"))) HeaptagCorruptData kmem_corrupt_data;
constinit HeaptagCorruptData kmem_corrupt_data{};
}

namespace heaptag::report {

void note_corrupt_data(const safety::Finding& finding) {
  if (finding.kind != safety::Kind::kUseAfterFreeWrite || !finding.in_block) {
    return;
  }
  kmem_corrupt_data.address = finding.block.user();
  kmem_corrupt_data.size = finding.block.requested;
  if (finding.guarded != nullptr) {
    const safety::GuardRecord* record = safety::record_of(finding.guarded);
    const auto freed_by = safety::stack_of(record->freed_stack);
    kmem_corrupt_data.pc =
        reinterpret_cast<void*>(freed_by.empty() ? record->freed_pc : freed_by[0]);
  }
  if (finding.block.record == nullptr) {
    return;
  }
  const auto stack = safety::stack_of(finding.block.record->freed_stack);
  const uintptr_t pc = stack.empty() ? finding.block.record->freed_pc() : stack[0];
  kmem_corrupt_data.pc = reinterpret_cast<void*>(pc);
}

}  // namespace heaptag::report
