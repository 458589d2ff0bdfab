// Sorting in place, without memory and without recursion: what runs in the target has neither to
// spare. Layer: core/base.
// Source: Williams 1964 (heapsort); not stable, so give it a total order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heaptag {

/// Sorts `count` items so that less(items[i + 1], items[i]) is never true. Cost: O(n log n).
template <class T, class Less>
constexpr void sort_in_place(T* items, size_t count, Less less) {
  const auto sift_down = [&](size_t root, size_t end) {
    T item = items[root];
    for (size_t child = 2 * root + 1; child < end; child = 2 * root + 1) {
      if (child + 1 < end && less(items[child], items[child + 1])) {
        ++child;
      }
      if (!less(item, items[child])) {
        break;
      }
      items[root] = items[child];
      root = child;
    }
    items[root] = item;
  };

  for (size_t root = count / 2; root > 0; --root) {
    sift_down(root - 1, count);
  }
  for (size_t end = count; end > 1; --end) {
    T largest = items[0];
    items[0] = items[end - 1];
    items[end - 1] = largest;
    sift_down(0, end - 1);
  }
}

/// Sorts by a 32-bit key, keeping the order of what has the same key, with `spare` room for as many
/// items again. Cost: O(n); 8 KiB of stack.
template <class T, class Key>
void sort_by_key(T* items, T* spare, size_t count, Key key) {
  constexpr unsigned kBits = 11;
  constexpr uint32_t kBuckets = 1U << kBits;
  for (unsigned shift = 0; shift < 32; shift += kBits) {
    uint32_t begins[kBuckets + 1] = {};
    for (size_t i = 0; i < count; ++i) {
      ++begins[(key(items[i]) >> shift & (kBuckets - 1)) + 1];
    }
    for (uint32_t bucket = 1; bucket < kBuckets; ++bucket) {
      begins[bucket] += begins[bucket - 1];
    }
    for (size_t i = 0; i < count; ++i) {
      spare[begins[key(items[i]) >> shift & (kBuckets - 1)]++] = items[i];
    }
    for (size_t i = 0; i < count; ++i) {
      items[i] = spare[i];
    }
  }
}

}  // namespace heaptag
