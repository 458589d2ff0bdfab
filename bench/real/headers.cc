// What the workloads "g++" and "clang" compile: several large standard headers, instantiated. Never
// run. SMOKE leaves a small program of the same kind. clang 14 cannot read the <ranges> of
// libstdc++ 12, so it compiles C++17.
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
  const auto hit = [&](const std::string& word) { return std::regex_search(word, pattern); };
#  if __cplusplus >= 202002L
  auto hits = words | std::views::filter(hit);
  std::vector<std::string> result(hits.begin(), hits.end());
  std::ranges::sort(result, std::greater<>{});
#  else
  std::vector<std::string> result;
  std::copy_if(words.begin(), words.end(), std::back_inserter(result), hit);
  std::sort(result.begin(), result.end(), std::greater<>{});
#  endif
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
