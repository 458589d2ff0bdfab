#include "core/stack/frame_rows.h"

#include <alloca.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "core/os/loader.h"

namespace heaptag::stack {
namespace {

// Every function has a frame of its own, and something to do after the call.
#define HEAPTAG_OWN_FRAME __attribute__((noinline, noclone))
volatile int sink = 0;

/// The callers of a function, from inside out.
struct Walks {
  std::vector<Frame> by_rows;
  std::vector<Frame> by_libunwind;
};

using Callback = std::function<void()>;

std::vector<Frame> walk_by_rows(Frame frame) {
  std::vector<Frame> frames = {frame};
  FrameRow row;
  while (find_frame_row(frame.pc, &row)) {
    EXPECT_GT(cfa_of(row, frame), frame.sp);
    frame = step(row, frame);
    frames.push_back(frame);
  }
  return frames;
}

HEAPTAG_OWN_FRAME void walk(Walks* walks) {
  unw_context_t context;
  unw_cursor_t cursor;
  ASSERT_EQ(unw_getcontext(&context), 0);
  ASSERT_EQ(unw_init_local(&cursor, &context), 0);
  while (unw_step(&cursor) > 0) {
    unw_word_t pc = 0;
    unw_word_t sp = 0;
    unw_word_t rbp = 0;
    unw_get_reg(&cursor, UNW_REG_IP, &pc);
    unw_get_reg(&cursor, UNW_REG_SP, &sp);
    unw_get_reg(&cursor, UNW_X86_64_RBP, &rbp);
    if (pc != 0) {
      walks->by_libunwind.push_back({pc, sp, rbp});
    }
  }
  const auto* frame = static_cast<const uintptr_t*>(__builtin_frame_address(0));
  walks->by_rows = walk_by_rows({frame[1], reinterpret_cast<uintptr_t>(frame + 2), frame[0]});
}

void expect_same(const Walks& walks, size_t depth_min) {
  ASSERT_GE(walks.by_libunwind.size(), depth_min);
  ASSERT_EQ(walks.by_rows.size(), walks.by_libunwind.size());
  for (size_t i = 0; i < walks.by_rows.size(); ++i) {
    EXPECT_EQ(walks.by_rows[i].pc, walks.by_libunwind[i].pc) << i;
    EXPECT_EQ(walks.by_rows[i].sp, walks.by_libunwind[i].sp) << i;
    EXPECT_EQ(walks.by_rows[i].rbp, walks.by_libunwind[i].rbp) << i;
  }
}

HEAPTAG_OWN_FRAME void plain(const Callback& callback) {
  callback();
  sink = sink + 1;
}

HEAPTAG_OWN_FRAME void with_alloca(const Callback& callback) {
  auto* block = static_cast<volatile char*>(alloca(static_cast<size_t>(sink % 7) * 100 + 1000));
  block[0] = 1;
  callback();
  block[1] = 2;
}

__attribute__((noinline, noclone, optimize("O0"))) void unoptimised(const Callback& callback) {
  int local = sink;
  callback();
  sink = local + 1;
}

HEAPTAG_OWN_FRAME void with_a_big_frame(const Callback& callback) {
  volatile char block[(1 << 20) + 40];
  block[0] = 1;
  callback();
  block[sizeof block - 1] = 2;
}

HEAPTAG_OWN_FRAME void aligned(const Callback& callback) {
  alignas(64) volatile char block[64];
  block[0] = 1;
  callback();
  sink = block[0];
}

/// Uses all registers that a caller may rely on.
HEAPTAG_OWN_FRAME void with_many_registers(const Callback& callback) {
  const int a = sink, b = sink, c = sink, d = sink, e = sink, f = sink, g = sink, h = sink;
  callback();
  sink = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}

HEAPTAG_OWN_FRAME void recursive(const Callback& callback, int depth) {
  if (depth == 0) {
    callback();
  } else {
    recursive(callback, depth - 1);
  }
  sink = sink + depth;
}

thread_local const Callback* called_by_libc = nullptr;

int compare(const void*, const void*) {
  if (called_by_libc != nullptr) {
    (*std::exchange(called_by_libc, nullptr))();
  }
  return 0;
}

HEAPTAG_OWN_FRAME void through_libc(const Callback& callback) {
  int numbers[] = {2, 1};
  called_by_libc = &callback;
  qsort(numbers, 2, sizeof numbers[0], compare);
}

TEST(FrameRows, WalksAsLibunwindDoes) {
  using Through = void (*)(const Callback&);
  for (const Through through : {plain, with_alloca, unoptimised, with_a_big_frame, aligned,
                                with_many_registers, through_libc}) {
    Walks walks;
    through([&walks] { walk(&walks); });
    expect_same(walks, 8);
  }
}

TEST(FrameRows, WalksThroughFramesOfAllKinds) {
  Walks walks;
  const auto nest = [](auto function, Callback inner) -> Callback {
    return [function, inner] { function(inner); };
  };
  Callback callback = [&walks] { walk(&walks); };
  for (int round = 0; round < 3; ++round) {
    callback =
        nest(plain, nest(with_alloca, nest(unoptimised, nest(with_many_registers, callback))));
    callback = nest(through_libc, nest(aligned, nest(with_a_big_frame, callback)));
  }
  callback();
  expect_same(walks, 40);
}

[[noreturn]] HEAPTAG_OWN_FRAME void walk_and_throw(Walks* walks) {
  walk(walks);
  throw 1;
}

HEAPTAG_OWN_FRAME void ends_with_a_call(Walks* walks) {
  sink = sink + 1;
  walk_and_throw(walks);
}

// The return address is where the next function begins, or what lies between the two.
TEST(FrameRows, ACallMayBeTheLastInstruction) {
  Walks walks;
  EXPECT_THROW(ends_with_a_call(&walks), int);
  expect_same(walks, 5);
}

TEST(FrameRows, WalksDeepStacks) {
  Walks walks;
  recursive([&walks] { walk(&walks); }, 1000);
  expect_same(walks, 1000);
}

TEST(FrameRows, AThreadsStackEndsWhereItBegan) {
  Walks walks;
  std::thread([&walks] { with_alloca([&walks] { walk(&walks); }); }).join();
  expect_same(walks, 5);
}

Walks* walked_by_handler = nullptr;

void handle(int) {
  walk(walked_by_handler);
  sink = sink + 1;
}

TEST(FrameRows, EndsAtASignalFrame) {
  Walks walks;
  walked_by_handler = &walks;

  struct sigaction action {};

  struct sigaction before {};

  action.sa_handler = handle;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &before, nullptr);
  ASSERT_EQ(walks.by_rows.size(), 2U) << "the handler, and what the kernel put below it";
  for (size_t i = 0; i < walks.by_rows.size(); ++i) {
    EXPECT_EQ(walks.by_rows[i].pc, walks.by_libunwind[i].pc) << i;
    EXPECT_EQ(walks.by_rows[i].sp, walks.by_libunwind[i].sp) << i;
  }
}

TEST(FrameRows, AFunctionsRangeCoversItsReturnAddresses) {
  Walks walks;
  plain([&walks] { walk(&walks); });
  unsigned found = 0;
  for (const Frame& frame : walks.by_rows) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    ASSERT_TRUE(find_function_range(frame.pc, &begin, &end));
    EXPECT_LT(begin, frame.pc);
    EXPECT_GE(end, frame.pc);
    found += begin == reinterpret_cast<uintptr_t>(&plain) ? 1 : 0;
  }
  EXPECT_EQ(found, 1U);
}

TEST(FrameRows, AFunctionBeginsWithItsReturnAddressOnTop) {
  FrameRow row;
  ASSERT_TRUE(find_frame_row(reinterpret_cast<uintptr_t>(&plain) + 1, &row));
  EXPECT_FALSE(row.cfa_from_rbp);
  EXPECT_EQ(row.cfa_offset, 8U);
  EXPECT_EQ(row.rbp_saved_below, 0U);
}

void expect_nothing(uintptr_t pc) {
  FrameRow row;
  uintptr_t begin = 0;
  uintptr_t end = 0;
  EXPECT_FALSE(find_frame_row(pc, &row)) << pc;
  EXPECT_FALSE(find_function_range(pc, &begin, &end)) << pc;
}

TEST(FrameRows, OutsideOfModulesThereIsNothing) {
  void* code = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(code, MAP_FAILED);
  const std::vector<char> block(100);
  for (const void* place : {code, static_cast<void*>(&code),
                            const_cast<void*>(static_cast<const void*>(block.data()))}) {
    expect_nothing(reinterpret_cast<uintptr_t>(place) + 1);
  }
  munmap(code, 4096);
  for (const uintptr_t pc : {uintptr_t{0}, uintptr_t{1}, uintptr_t{4096}, uintptr_t{1} << 47,
                             uintptr_t{1} << 63, UINTPTR_MAX}) {
    expect_nothing(pc);
  }
}

TEST(FrameRows, DataOfModulesHasNone) {
  expect_nothing(reinterpret_cast<uintptr_t>(&sink) + 1);
  expect_nothing(reinterpret_cast<uintptr_t>("text") + 1);
}

/// All addresses of a module, mapped or not: none may be looked at.
unsigned count_rows(const os::LoadedObject& object) {
  unsigned rows = 0;
  for (uintptr_t pc = object.begin; pc <= object.end; ++pc) {
    FrameRow row;
    rows += find_frame_row(pc, &row) ? 1 : 0;
  }
  return rows;
}

TEST(FrameRows, TheKernelsLibraryIsAModule) {
  const uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
  os::LoadedObject object{};
  if (vdso == 0 || !os::find_object(vdso, &object)) {
    GTEST_SKIP() << "this kernel maps none";
  }
  EXPECT_EQ(object.begin, vdso);
  EXPECT_GT(count_rows(object), 100U);
  expect_nothing(vdso + 1);
  void* handle = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(handle, nullptr);
  const auto function = reinterpret_cast<uintptr_t>(dlsym(handle, "__vdso_clock_gettime"));
  dlclose(handle);
  ASSERT_NE(function, 0U);
  uintptr_t begin = 0;
  uintptr_t end = 0;
  EXPECT_TRUE(find_function_range(function + 1, &begin, &end));
  EXPECT_EQ(begin, function);
}

TEST(FrameRows, AllAddressesOfALibraryCanBeAsked) {
  os::LoadedObject object{};
  ASSERT_TRUE(
      os::find_object(reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "_Unwind_Resume")), &object));
  EXPECT_GT(count_rows(object), 1000U);
}

}  // namespace
}  // namespace heaptag::stack
