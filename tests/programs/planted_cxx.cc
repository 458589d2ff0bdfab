// One planted error of a C++ program, or its innocent twin; see planted.h. Blocks come from the
// operators, and there are mismatched families besides.
#include "planted_main.h"

#include <new>

enum Family { kNew, kNewArray, kNothrow, kNothrowArray, kAligned, kAlignedArray };

static const char* const allocators[] = {"new",           "new_array", "nothrow",
                                         "nothrow_array", "aligned",   "aligned_array"};

static constexpr std::align_val_t kAlignment{64};

void* the_allocator(size_t size) {
  void* p = nullptr;
  switch (allocator) {
    case kNew:
      p = ::operator new(size);
      break;
    case kNewArray:
      p = ::operator new[](size);
      break;
    case kNothrow:
      p = ::operator new(size, std::nothrow);
      break;
    case kNothrowArray:
      p = ::operator new[](size, std::nothrow);
      break;
    case kAligned:
      p = ::operator new(size, kAlignment);
      break;
    default:
      p = ::operator new[](size, kAlignment);
  }
  BARRIER();
  return p;
}

[[gnu::always_inline]] static inline void free_as(int family, void* block) {
  switch (family) {
    case kNew:
    case kNothrow:
      ::operator delete(block);
      break;
    case kNewArray:
    case kNothrowArray:
      ::operator delete[](block);
      break;
    case kAligned:
      ::operator delete(block, kAlignment);
      break;
    default:
      ::operator delete[](block, kAlignment);
  }
  BARRIER();
}

void the_freer(void* block) {
  free_as(allocator, block);
}

void the_second_freer(void* block) {
  free_as(allocator, block);
}

enum Release { kFree, kDelete, kDeleteArray, kDeleteAligned, kDeleteSized, kRealloc };

SITE void* the_family_allocator(int family, size_t size) {
  void* p = nullptr;
  if (family == kFree) {
    p = std::malloc(size);
  } else if (family == kRealloc) {
    p = memalign(64, size);
  } else if (family == kDelete) {
    p = ::operator new(size);
  } else if (family == kDeleteArray) {
    p = ::operator new[](size);
  } else {
    p = ::operator new(size, kAlignment);
  }
  BARRIER();
  return p;
}

SITE void the_mismatched_freer(int release, void* block, size_t size) {
  switch (release) {
    case kFree:
      std::free(block);
      break;
    case kDelete:
      ::operator delete(block);
      break;
    case kDeleteArray:
      ::operator delete[](block);
      break;
    case kDeleteAligned:
      ::operator delete(block, kAlignment);
      break;
    case kDeleteSized:
      ::operator delete(block, size);
      break;
    default:
      block = std::realloc(block, size);
  }
  BARRIER();
}

// `family` is whose block it is, named by its right release; kRealloc: memalign's.
static void mismatch(size_t size, int bad, int family, int release) {
  Byte* p = filled(the_family_allocator(family, size), size);
  if (bad) {
    say(p, size, 0);
  }
  the_mismatched_freer(bad ? release : family == kRealloc ? kFree : family, p, size);
}

static void malloc_delete(size_t size, int bad) {
  mismatch(size, bad, kFree, kDelete);
}

static void malloc_delete_array(size_t size, int bad) {
  mismatch(size, bad, kFree, kDeleteArray);
}

static void malloc_delete_sized(size_t size, int bad) {
  mismatch(size, bad, kFree, kDeleteSized);
}

static void new_free(size_t size, int bad) {
  mismatch(size, bad, kDelete, kFree);
}

static void new_delete_array(size_t size, int bad) {
  mismatch(size, bad, kDelete, kDeleteArray);
}

static void new_array_delete(size_t size, int bad) {
  mismatch(size, bad, kDeleteArray, kDelete);
}

static void new_array_free(size_t size, int bad) {
  mismatch(size, bad, kDeleteArray, kFree);
}

static void new_realloc(size_t size, int bad) {
  mismatch(size, bad, kDelete, kRealloc);
}

static void memalign_delete(size_t size, int bad) {
  mismatch(size, bad, kRealloc, kDelete);
}

static void aligned_new_free(size_t size, int bad) {
  mismatch(size, bad, kDeleteAligned, kFree);
}

static void sized_delete(size_t size, int bad) {
  Byte* p = filled(the_family_allocator(kDelete, size), size);
  if (bad) {
    say(p, size, 0);
  }
  the_mismatched_freer(kDeleteSized, p, bad ? size + 8 : size);
}

static const Case cases[] = {
    CASE(malloc_delete, 1),    CASE(malloc_delete_array, 1), CASE(malloc_delete_sized, 1),
    CASE(new_free, 1),         CASE(new_delete_array, 1),    CASE(new_array_delete, 1),
    CASE(new_array_free, 1),   CASE(new_realloc, 1),         CASE(memalign_delete, 1),
    CASE(aligned_new_free, 1), CASE(sized_delete, 1),
};

int main(int argc, char** argv) {
  const Own own = {cases, sizeof cases / sizeof *cases, allocators,
                   sizeof allocators / sizeof *allocators};
  return run_all(&own, argc, argv);
}
