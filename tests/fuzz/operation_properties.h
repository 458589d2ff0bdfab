// What holds for every sequence of calls: bytes are operations on the core, by four threads that
// take turns, and a model says what each must do.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/allocator/allocator.h"
#include "core/base/units.h"
#include "tests/unit/allocator/block_model.h"

namespace heaptag::fuzz {

using allocator::testing::Block;

/// Reads an input to its end; afterwards all is zero.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool is_empty() const { return at_ == end_; }

  uint32_t byte() { return is_empty() ? 0 : *at_++; }

  uint32_t two_bytes() { return byte() | byte() << 8; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

/// A thread that does one thing at a time, while whoever asks for it waits.
class Actor {
 public:
  Actor() : thread_([this] { serve(); }) {}

  ~Actor() {
    change(State::kOver);
    thread_.join();
  }

  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  void run(const std::function<void()>& work) {
    work_ = &work;
    change(State::kAsked);
    wait_while(State::kAsked);
  }

 private:
  enum class State { kIdle, kAsked, kOver };

  void change(State to) {
    {
      const std::lock_guard guard(mutex_);
      state_ = to;
    }
    changed_.notify_all();
  }

  State wait_while(State state) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return state_ != state; });
    return state_;
  }

  void serve() {
    while (wait_while(State::kIdle) == State::kAsked) {
      (*work_)();
      change(State::kIdle);
    }
  }

  // Not a semaphore: that of the library spins and yields before it sleeps, which takes long on a
  // machine that has other things to do.
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::kIdle;
  const std::function<void()>* work_ = nullptr;
  std::thread thread_;  // last: it uses the others
};

/// The process's own: sites, actors and the model live from one input to the next, so that spans
/// and states in all conditions are met. What an input leaves, the next one finds.
class Operations {
 public:
  Operations() : sites_(allocator::testing::fresh_sites(kSites)), model_(sites_, 1) {
    allocator::testing::watch_thread_ends();
    for (auto& actor : actors_) {
      actor = std::make_unique<Actor>();
    }
  }

  /// Does what the bytes say, then compares all figures. gtest's failures tell what is wrong.
  void run(Bytes bytes) {
    while (!bytes.is_empty() && !testing::Test::HasFailure()) {
      uint32_t turn = kNextTurn;
      if (current_ < kActors) {
        actors_[current_]->run([&] { turn = take_turn(&bytes); });
      } else {
        turn = take_turn(&bytes);
      }
      if (turn % 64 == kEndOfThread && current_ < kActors) {
        actors_[current_] = nullptr;
        actors_[current_] = std::make_unique<Actor>();
      }
      current_ = turn >> 6;
    }
    if (blocks_.size() > kMostBlocks / 2) {
      drop_all();
    }
    compare();
  }

  /// Frees all blocks: then nothing is live.
  void drop_all() {
    for (; !blocks_.empty(); blocks_.pop_back()) {
      model_.release(blocks_.back());
    }
  }

 private:
  static constexpr size_t kSites = 48;
  static constexpr size_t kActors = 3;  // and the calling thread
  static constexpr uint32_t kNextTurn = 62;
  static constexpr uint32_t kEndOfThread = 63;
  static constexpr size_t kMostBlocks = 3000;
  static constexpr size_t kMostBytes = 64 * kMiB;

  // A byte or two: small sizes, any of a class, those around the largest class, pages.
  static size_t read_size(Bytes* bytes) {
    const uint32_t kind = bytes->byte();
    if (kind < 160) {
      return kind;
    }
    if (kind < 230) {
      return (kind - 160) * 256 + bytes->byte();
    }
    if (kind < 245) {
      return heap::kLargestClassBytes - 8 + (kind - 230) + bytes->byte() % 2;
    }
    return bytes->two_bytes() * ((kind - 244) * size_t{13});
  }

  void keep(const Block& block) {
    if (block.at == nullptr) {
      return;
    }
    live_bytes_ += block.size;
    if (blocks_.size() < kMostBlocks && live_bytes_ < kMostBytes) {
      blocks_.push_back(block);
    } else {
      drop(block);
    }
  }

  void drop(const Block& block) {
    live_bytes_ -= block.size;
    model_.release(block);
  }

  size_t any_index(Bytes* bytes) { return (bytes->two_bytes() * 257U) % blocks_.size(); }

  uint32_t site(Bytes* bytes) { return bytes->byte() % kSites; }

  // Until the bytes say that another thread goes on; gives back what says that.
  uint32_t take_turn(Bytes* bytes) {
    while (!bytes->is_empty() && !testing::Test::HasFailure()) {
      const uint32_t operation = bytes->byte();
      if (operation % 64 >= kNextTurn) {
        return operation;
      }
      step(operation % 64, bytes);
    }
    return kNextTurn;
  }

  void step(uint32_t operation, Bytes* bytes) {
    if (operation < 24) {
      // The commonest call is the shortest.
      keep(model_.make_plain(operation * 2 % kSites, read_size(bytes)));
    } else if (operation < 44) {
      if (!blocks_.empty()) {
        const size_t index = operation < 30   ? blocks_.size() - 1
                             : operation < 32 ? 0
                                              : any_index(bytes);
        const Block block = blocks_[index];
        blocks_[index] = blocks_.back();
        blocks_.pop_back();
        drop(block);
      }
    } else {
      step_rarely(operation, bytes);
    }
  }

  void step_rarely(uint32_t operation, Bytes* bytes) {
    switch (operation) {
      case 44:
      case 45:
      case 46:
        keep(model_.make_zeroed(site(bytes), read_size(bytes)));
        break;
      case 47:
      case 48:
        keep(make_aligned(bytes));
        break;
      case 49:
      case 50:
      case 51:
      case 52:
      case 53:
        resize(bytes);
        break;
      case 54: {
        Block* block = blocks_.empty() ? nullptr : &blocks_[any_index(bytes)];
        model_.fail(block);
        break;
      }
      case 55:
        allocator::release_free_memory(bytes->byte() % 2 * 100 * kKiB);
        break;
      case 56:
        repeat(bytes);
        break;
      case 57:
        for (uint32_t left = bytes->byte(); left > 0 && !blocks_.empty(); --left) {
          drop(blocks_.back());
          blocks_.pop_back();
        }
        break;
      default:
        for (const Block& block : blocks_) {
          model_.check(block);
        }
    }
  }

  Block make_aligned(Bytes* bytes) {
    const uint32_t of = site(bytes);
    const size_t alignment = size_t{1} << (bytes->byte() % 18);
    return model_.make_aligned(of, read_size(bytes), alignment);
  }

  void resize(Bytes* bytes) {
    if (blocks_.empty()) {
      return;
    }
    Block* block = &blocks_[any_index(bytes)];
    const uint32_t of = site(bytes);
    live_bytes_ -= block->size;
    model_.resize_to(block, of, read_size(bytes) + 1);
    live_bytes_ += block->size;
  }

  // A hot call site.
  void repeat(Bytes* bytes) {
    const uint32_t of = site(bytes);
    const size_t size = read_size(bytes) % 5000;
    for (uint32_t left = bytes->byte(); left > 0; --left) {
      keep(model_.make_plain(of, size));
    }
  }

  void compare() {
    allocator::testing::Expectation expected(sites_);
    expected.add(model_);
    expected.compare_sites();
  }

  std::vector<uintptr_t> sites_;
  allocator::testing::Model model_;
  std::vector<Block> blocks_;
  size_t live_bytes_ = 0;
  uint32_t current_ = kActors;  // whose turn it is
  std::unique_ptr<Actor> actors_[kActors];
};

}  // namespace heaptag::fuzz
