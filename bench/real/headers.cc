// What g++ compiles in the workload "g++": several large standard headers, instantiated. Never run.
// SMOKE leaves a small program of the same kind.
#include <map>
#include <string>
#include <vector>

#ifndef SMOKE
#  include <algorithm>
#  include <functional>
#  include <iostream>
#  include <memory>
#  include <ranges>
#  include <regex>
#  include <unordered_map>
#endif

namespace {

std::map<std::string, std::vector<int>> index_of(const std::vector<std::string>& words) {
  std::map<std::string, std::vector<int>> places;
  for (std::size_t i = 0; i < words.size(); ++i) {
    places[words[i]].push_back(static_cast<int>(i));
  }
  return places;
}

}  // namespace

std::size_t distinct(const std::vector<std::string>& words) {
  return index_of(words).size();
}

#ifndef SMOKE
std::vector<std::string> matching(const std::vector<std::string>& words, const std::string& text) {
  const std::regex pattern(text);
  auto hits = words | std::views::filter([&](const std::string& word) {
                return std::regex_search(word, pattern);
              });
  std::vector<std::string> result(hits.begin(), hits.end());
  std::ranges::sort(result, std::greater<>{});
  return result;
}

std::function<int(const std::string&)> counter() {
  auto counts = std::make_shared<std::unordered_map<std::string, int>>();
  return [counts](const std::string& word) { return ++(*counts)[word]; };
}

void print(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    std::cout << word << '\n';
  }
}
#endif
