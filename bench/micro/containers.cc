// Our own: what ordinary C++ does all day. Stresses operator new and delete through the standard
// containers: tree and hash nodes of one size per call site, strings of all lengths, vectors that
// grow.
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/micro/micro.h"

namespace {

constexpr uint32_t kKeys = 20'000;

struct Record {
  std::string name;
  std::vector<uint32_t> visits;
};

std::string make_name(bench::Rng& rng) {
  return std::string(4 + rng.power_law(8, 5), static_cast<char>('a' + rng.below(26)));
}

class Store {
 public:
  void insert(uint32_t key, bench::Rng& rng) {
    auto record = std::make_unique<Record>();
    record->name = make_name(rng);
    by_name_[record->name + std::to_string(key)] = key;
    by_key_[key] = std::move(record);
  }

  void visit(uint32_t key, uint32_t when) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      found->second->visits.push_back(when);
    }
  }

  uint64_t erase(uint32_t key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) {
      return 0;
    }
    const Record& record = *found->second;
    const uint64_t seen = record.name.size() + record.visits.size();
    by_name_.erase(record.name + std::to_string(key));
    by_key_.erase(found);
    return seen;
  }

  std::size_t size() const { return by_key_.size() + by_name_.size(); }

 private:
  std::unordered_map<uint32_t, std::unique_ptr<Record>> by_key_;
  std::map<std::string, uint32_t> by_name_;
};

}  // namespace

int main(int argc, char** argv) {
  const uint64_t operations = bench::work(argc, argv, 5'000'000, 20'000);
  bench::Rng rng(11);
  bench::Check check;
  Store store;
  for (uint64_t i = 0; i < operations; ++i) {
    const uint32_t key = rng.below(kKeys);
    switch (rng.below(4)) {
      case 0:
        check.add(store.erase(key));
        store.insert(key, rng);
        break;
      case 1:
        check.add(store.erase(key));
        break;
      default:
        store.visit(key, static_cast<uint32_t>(i));
    }
  }
  check.add(store.size());
  return bench::finish("containers", operations, check.value());
}
