#include "core/os/unseen_fork.h"

#include "core/os/vm.h"

namespace heaptag::os {

namespace {

constexpr uint32_t kHere = 1;

constinit uint32_t not_watched = kHere;
using InChild = void (*)();
constinit InChild in_unseen_child = nullptr;

}  // namespace

constinit uint32_t* fork_mark = &not_watched;

void watch_unseen_forks(void (*in_child)()) {
  void* page = map_pages(kPageBytes);
  if (page == nullptr) {
    return;
  }
  if (!wipe_on_fork(page, kPageBytes)) {
    unmap(page, kPageBytes);
    return;
  }
  in_unseen_child = in_child;
  auto* mark = static_cast<uint32_t*>(page);
  *mark = kHere;
  __atomic_store_n(&fork_mark, mark, __ATOMIC_RELEASE);
}

void meet_unseen_fork() {
  note_seen_fork();
  in_unseen_child();
}

void note_seen_fork() {
  __atomic_store_n(fork_mark, kHere, __ATOMIC_RELAXED);
}

}  // namespace heaptag::os
