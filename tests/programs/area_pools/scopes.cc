// The header in C++, as strict as it gets: an object that lives in a pool.
#include <heaptag/area_malloc.h>

#include <new>
#include <vector>

namespace {

area_malloc_module_info* areas;
const void* pool;

template <typename T>
struct PoolAllocator {
  using value_type = T;

  PoolAllocator() = default;

  template <typename U>
  explicit PoolAllocator(const PoolAllocator<U>& /*other*/) {}

  T* allocate(size_t count) {
    void* block = areas->calloc(pool, count, sizeof(T));
    if (block == nullptr) {
      throw std::bad_alloc();
    }
    return static_cast<T*>(block);
  }

  void deallocate(T* block, size_t /*count*/) { areas->free(pool, block); }

  bool operator==(const PoolAllocator& /*other*/) const { return true; }

  bool operator!=(const PoolAllocator& /*other*/) const { return false; }
};

}  // namespace

int main() {
  module_info* found = nullptr;
  if (get_module(B_AREA_MALLOC_MODULE_NAME, &found) != B_OK) {
    return 1;
  }
  areas = reinterpret_cast<area_malloc_module_info*>(found);
  pool = areas->create_pool(B_ANY_ADDRESS, 64 * B_PAGE_SIZE, B_NO_LOCK, B_READ_AREA | B_WRITE_AREA);
  bool was_full = false;
  {
    std::vector<int, PoolAllocator<int>> numbers;
    try {
      for (int i = 0;; ++i) {
        numbers.push_back(i);
      }
    } catch (const std::bad_alloc&) {
      was_full = true;
    }
    if (numbers.size() < 1000 || numbers[999] != 999 ||
        area_for(numbers.data()) != area_malloc_pool_area(pool)) {
      return 2;
    }
  }
  area_malloc_figures figures;
  if (!was_full || area_malloc_get_figures(pool, &figures) != B_OK ||
      figures.allocations != figures.frees || area_malloc_check(pool) != B_OK) {
    return 3;
  }
  return put_module(B_AREA_MALLOC_MODULE_NAME) == B_OK ? 0 : 4;
}
