// Birth and death of thread states: a registry of all of them, orphans for new threads to adopt,
// one state for threads that allocate after their own teardown, and what fork does to them. Layer:
// core/allocator.
#pragma once

#include "core/allocator/thread_state.h"

namespace heaptag::allocator {

/// The state that the calling thread works with, for as long as this object lives: its own, made or
/// adopted now if need be, or the shared late state under its lock when the thread has been torn
/// down.
class ThreadScope {
 public:
  /// `wanted`: the state to adopt if it is an orphan, should the thread have none yet; may be null.
  explicit ThreadScope(ThreadState* wanted = nullptr);
  ~ThreadScope();

  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

  /// Null when there is no memory for a state.
  ThreadState* thread() const { return thread_; }

  bool is_late() const { return late_; }

 private:
  ThreadState* thread_;
  bool late_ = false;
};

/// Makes the tables that all states need, for whoever has blocks of its own where no thread has a
/// state (the library stands aside). False without memory.
bool prepare_heap();

/// From the thread hook of the process's edge: `rounds_left` says whether the hook will be called
/// again for this thread. Returns whether it wants to be. After the last round the state is an
/// orphan.
bool thread_ending(bool last_round);

/// The calling thread needs the state no more: it waits for another one. Only for a state that the
/// calling thread has, which is not tls_state.
void give_back(ThreadState* thread);

/// The hook that makes thread_ending happen for the calling thread; called when a thread gets its
/// state. Set once by the preload, before a second thread exists.
void set_thread_hook(void (*hook)(ThreadState* thread));

/// Puts blocks that are charged already, linked from `first` to `last`, into the inbox of their
/// spans' thread.
void hand_back(ThreadState* home, FreeBlock* first, FreeBlock* last);

/// Hands blocks of other threads over to them, however few.
void send_outgoing(ThreadState* thread);

/// Drains the inbox of an orphan, if it still is one.
void help_orphan(ThreadState* thread);

/// The process is about to get a limit on its address space: gives back what is reserved for
/// growth.
void prepare_for_limit(size_t limit_bytes);

/// The limit was for a moment: reserves again.
void limit_is_over();

/// After a dlopen: the symbols of what is new are read.
void read_loaded_modules();

/// After a dlclose: nothing may be charged any more to sites in modules that are gone.
void forget_unloaded_modules();

inline constexpr uint32_t kFirstSlots = 64;

/// Empty slots. Null without memory.
Slot* make_slots(uint64_t count);

/// malloc probes this table from now on. Only the thread itself.
inline void activate(ThreadState* thread, SlotTable* table) {
  thread->active = table;
  thread->slots = table->slots;
  thread->slot_mask = table->slot_mask;
}

/// Doubles the table that the thread probes, if there is memory.
void grow_slots(ThreadState* thread);

/// From here on every block of this process is a checked one (safety::settings say so). Before a
/// second thread is there.
void start_checking();

/// What every thread's slots say is looked up anew.
void forget_slots();

/// The rules have come: what the calling thread's slots say is looked up anew.
void rules_have_come();

/// A thread has got another name; `handle` as os::thread_handle(). Its rules hold from its next
/// slow path on.
void thread_renamed(uintptr_t handle, const char* name);

/// First record of the registry; records are never removed.
ThreadState* first_thread();
ThreadState* const* first_thread_address();
uint32_t threads_ever();  // threads that have allocated, ended ones included
const uint32_t* threads_ever_address();

/// Around fork: take every lock in rank order / give them back in the parent / start afresh in the
/// child.
void prepare_fork();
void after_fork_in_parent();
void after_fork_in_child();

}  // namespace heaptag::allocator
