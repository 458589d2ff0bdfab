// A deterministic C++ program: containers, strings, exceptions, aligned and nothrow new.
// Some objects stay in use at exit.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

struct alignas(128) Wide {
  char bytes[300];
};

struct Node {
  std::string name;
  std::vector<std::unique_ptr<Node>> children;
};

static std::unique_ptr<Node> tree(int depth, int width) {
  auto node = std::make_unique<Node>();
  node->name = "a node with a name too long for the small buffer " + std::to_string(depth);
  for (int i = 0; depth > 0 && i < width; i++) {
    node->children.push_back(tree(depth - 1, width));
  }
  return node;
}

static int thrown() {
  int caught = 0;
  for (int i = 0; i < 50; i++) {
    try {
      throw std::runtime_error("a message that has to be copied somewhere " + std::to_string(i));
    } catch (const std::exception& error) {
      caught += error.what()[0] == 'a';
    }
  }
  return caught;
}

static Wide* kept_wide;
static int* kept_ints;

int main() {
  std::map<int, std::string> map;
  std::unordered_map<std::string, std::vector<int>> table;
  std::multiset<long> set;
  unsigned x = 12345;
  for (int i = 0; i < 3000; i++) {
    x = x * 1664525u + 1013904223u;
    map[static_cast<int>(x >> 20)] += std::to_string(x);
    table[std::to_string(x >> 24)].push_back(i);
    set.insert(x >> 16);
    if (i % 3 == 0) {
      set.erase(set.begin());
    }
  }
  std::ostringstream out;
  for (const auto& [key, value] : map) {
    out << key << ' ' << value.size() << '\n';
  }
  std::function<size_t()> closure = [map, &out] { return map.size() + out.str().size(); };
  const auto root = tree(4, 4);
  kept_wide = new Wide[3];
  kept_ints = new (std::nothrow) int[1000];
  delete new Wide;
  delete[] new Wide[2];
  delete new (std::nothrow) Wide;
  std::printf("%zu %zu %zu %d\n", closure(), table.size(), set.size(), thrown());
  return 0;
}
