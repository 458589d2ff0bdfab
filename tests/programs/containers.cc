// Blocks that the C++ library's containers ask for on behalf of the functions named blamed_*. Built
// without optimisation, so that every container function is a function.
#include <cstdio>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr int kCount = 40;

struct Large {
  char bytes[200];
};

}  // namespace

#define NOINLINE __attribute__((noinline))

NOINLINE void blamed_vector(std::vector<Large>& to) {
  for (int i = 0; i < kCount; ++i) {
    to.push_back(Large{});
  }
}

NOINLINE void blamed_string(std::string& to) {
  for (int i = 0; i < kCount; ++i) {
    to += "more than what fits into the object itself";
  }
}

NOINLINE void blamed_map(std::map<int, Large>& to) {
  for (int i = 0; i < kCount; ++i) {
    to[i] = Large{};
  }
}

NOINLINE void blamed_hash(std::unordered_map<int, Large>& to) {
  for (int i = 0; i < kCount; ++i) {
    to.emplace(i, Large{});
  }
}

NOINLINE void blamed_list(std::list<Large>& to) {
  to.resize(kCount);
}

NOINLINE void blamed_deque(std::deque<Large>& to) {
  to.resize(kCount);
}

NOINLINE std::shared_ptr<Large> blamed_shared() {
  return std::make_shared<Large>();
}

NOINLINE std::unique_ptr<Large> blamed_unique() {
  return std::make_unique<Large>();
}

NOINLINE std::function<int()> blamed_function() {
  Large large{};
  return [large] { return large.bytes[7]; };
}

NOINLINE std::string blamed_stream() {
  std::ostringstream out;
  out << std::string(3000, 'x');
  return out.str();
}

// What a thread or an algorithm is given to run is the program's own.
NOINLINE void blamed_lambda_of_thread(Large** to) {
  std::thread([to] { *to = new Large{}; }).join();
}

int main() {
  std::vector<Large> vector;
  blamed_vector(vector);
  std::string string;
  blamed_string(string);
  std::map<int, Large> map;
  blamed_map(map);
  std::unordered_map<int, Large> hash;
  blamed_hash(hash);
  std::list<Large> list;
  blamed_list(list);
  std::deque<Large> deque;
  blamed_deque(deque);
  const auto shared = blamed_shared();
  const auto unique = blamed_unique();
  const auto function = blamed_function();
  const std::string stream = blamed_stream();
  Large* of_thread = nullptr;
  blamed_lambda_of_thread(&of_thread);
  delete of_thread;
  return std::printf("%d\n", function()) < 0;
}
