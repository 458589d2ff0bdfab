// libheaptag-areas.so: the module of heaptag/area_malloc.h and what goes beyond it.
#include <cstring>

#include "core/area_pools/module.h"
#include "core/area_pools/pools.h"
#include "preload/include/heaptag/area_malloc.h"

#define ENTRY __attribute__((visibility("default"), used))
#define CALLER() reinterpret_cast<uintptr_t>(__builtin_return_address(0))

using namespace heaptag;

namespace {

static_assert(area_pools::kModuleInit == B_MODULE_INIT &&
              area_pools::kModuleUninit == B_MODULE_UNINIT);
static_assert(area_pools::kNowhere == AREA_MALLOC_NOWHERE);

status_t standard_operations(int32 operation, ...) {
  switch (operation) {
    case B_MODULE_INIT:
      area_pools::start();
      return B_OK;
    case B_MODULE_UNINIT:
      area_pools::stop();
      return B_OK;
    default:
      return B_ERROR;
  }
}

[[gnu::noinline]] const void* create_pool(uint32 spec,
                                          size_t size,
                                          uint32 lock,
                                          uint32 protection) {
  return area_pools::create({nullptr, spec, size, lock, protection, CALLER()});
}

void* free_block(const void* pool, void* block) {
  area_pools::release(pool, block);
  return nullptr;
}

// Writable: a program may put a standard operation of its own before ours.
constinit area_malloc_module_info module = {
    {B_AREA_MALLOC_MODULE_NAME, 0, standard_operations},
    create_pool,
    area_pools::remove,
    area_pools::allocate,
    area_pools::allocate_zeroed,
    area_pools::resize,
    free_block,
};

bool is_ours(const char* path) {
  return std::strcmp(path, B_AREA_MALLOC_MODULE_NAME) == 0;
}

}  // namespace

extern "C" {

ENTRY status_t get_module(const char* path, module_info** info) {
  if (path == nullptr || info == nullptr) {
    return B_BAD_VALUE;
  }
  if (!is_ours(path)) {
    return B_ENTRY_NOT_FOUND;
  }
  const status_t status = area_pools::use_module(module.module.std_ops);
  if (status == B_OK) {
    *info = &module.module;
  }
  return status;
}

ENTRY status_t put_module(const char* path) {
  return path == nullptr || !is_ours(path) ? B_BAD_VALUE
                                           : area_pools::leave_module(module.module.std_ops);
}

ENTRY const void* area_malloc_create_pool(
    const char* name, uint32 spec, size_t size, uint32 lock, uint32 protection) {
  return area_pools::create({name, spec, size, lock, protection, CALLER()});
}

ENTRY const void* area_malloc_attach(area_id area) {
  return area_pools::attach(area, CALLER());
}

ENTRY area_id area_malloc_pool_area(const void* pool) {
  return area_pools::area_of(pool);
}

ENTRY size_t area_malloc_offset(const void* pool, const void* pointer) {
  return area_pools::offset_of(pool, pointer);
}

ENTRY void* area_malloc_pointer(const void* pool, size_t offset) {
  return area_pools::pointer_at(pool, offset);
}

ENTRY size_t area_malloc_usable_size(const void* pool, const void* block) {
  return area_pools::usable_size(pool, block);
}

ENTRY status_t area_malloc_resize_pool(const void* pool, size_t size) {
  return area_pools::grow(pool, size);
}

ENTRY status_t area_malloc_check(const void* pool) {
  return area_pools::check(pool);
}

ENTRY status_t area_malloc_get_figures(const void* pool, area_malloc_figures* figures) {
  if (figures == nullptr) {
    return B_BAD_VALUE;
  }
  area_pools::PoolReport known{};
  if (area_pools::report(pool, &known) != B_OK) {
    return B_ERROR;
  }
  *figures = {known.figures.allocations,
              known.figures.frees,
              known.figures.allocated_bytes,
              known.figures.freed_bytes,
              known.figures.allocated_usable,
              known.figures.freed_usable,
              known.failed,
              known.figures.peak_bytes,
              known.refused,
              known.repaired,
              known.size_bytes,
              known.free_bytes,
              known.largest_free_bytes,
              known.is_damaged};
  return B_OK;
}

}  // extern "C"
