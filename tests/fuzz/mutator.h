// Seeded changes to texts and bytes: the same seed gives the same inputs on every machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace heaptag::fuzz {

/// What a format is made of: whole inputs, and words that mean something in it.
struct Grammar {
  std::vector<std::string> inputs;
  std::vector<std::string> words;
};

/// The words of a text with blanks between them.
inline std::vector<std::string> split_words(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

/// How many times as long as usual a test shall run: HEAPTAG_TEST_ROUNDS.
inline unsigned test_rounds() {
  const char* rounds = std::getenv("HEAPTAG_TEST_ROUNDS");
  return rounds == nullptr ? 1 : static_cast<unsigned>(std::atoi(rounds));
}

class Mutator {
 public:
  Mutator(Grammar grammar, uint64_t seed)
      : inputs_(std::move(grammar.inputs)), words_(std::move(grammar.words)), random_(seed) {}

  /// An input with some changes, most often one: of the first ones, or, one time in two, of what
  /// changes have made before, so that they pile up. Lends it until the next call.
  const std::string& next() {
    const std::vector<std::string>& from = made_.empty() || below(2) == 0 ? inputs_ : made_;
    current_ = from[below(from.size())];
    for (size_t left = 1 + below(1 + below(4)); left > 0; --left) {
      change(&current_);
    }
    current_.resize(std::min(current_.size(), kMaxBytes));
    if (made_.size() < kMaxMade) {
      made_.push_back(current_);
    } else if (below(8) == 0) {
      made_[below(kMaxMade)] = current_;
    }
    return current_;
  }

  /// One change: insert, delete, repeat, flip, splice.
  void change(std::string* input) {
    const size_t at = below(input->size() + 1);
    const size_t length = std::min(below(1 + below(24)), input->size() - at);
    switch (below(7)) {
      case 0:
      case 1:
        input->insert(at, words_[below(words_.size())]);
        break;
      case 2:
        input->insert(at, 1, static_cast<char>(random_()));
        break;
      case 3:
        input->erase(at, length);
        break;
      case 4:
        input->insert(below(input->size() + 1), input->substr(at, length));
        break;
      case 5:
        if (at < input->size()) {
          (*input)[at] = static_cast<char>((*input)[at] ^ (1 << below(8)));
        }
        break;
      default: {
        const std::string& other = inputs_[below(inputs_.size())];
        input->replace(at, length, other, below(other.size() + 1), below(64));
      }
    }
  }

 private:
  static constexpr size_t kMaxBytes = 4096;
  static constexpr size_t kMaxMade = 256;

  // The distributions of the library differ from one library to the next.
  size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }

  std::vector<std::string> inputs_;
  std::vector<std::string> made_;
  std::vector<std::string> words_;
  std::mt19937_64 random_;
  std::string current_;
};

}  // namespace heaptag::fuzz
