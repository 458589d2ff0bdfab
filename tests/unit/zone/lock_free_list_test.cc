#include "core/zone/lock_free_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace heaptag::zone {
namespace {

struct Element {
  Element* next;
  int number;
  std::atomic<int> holders;  // that have taken it and not put it back
};

// Between a look at the first element and the exchange, whoever wants to take it is now and then
// overtaken by others.
struct ElementLink {
  static Element* next(const Element* element) {
    Element* next = read_relaxed(element->next);
    thread_local unsigned calls = 0;
    if (++calls % 16 == 0) {
      std::this_thread::yield();
    }
    return next;
  }

  static void set_next(Element* element, Element* next) { write_relaxed(element->next, next); }
};

using List = LockFreeList<Element, ElementLink>;

std::vector<Element> make_elements(int count) {
  std::vector<Element> elements(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    elements[static_cast<size_t>(i)].number = i;
  }
  return elements;
}

std::vector<int> numbers_from(const Element* first) {
  std::vector<int> numbers;
  for (const Element* element = first; element != nullptr; element = element->next) {
    numbers.push_back(element->number);
  }
  return numbers;
}

TEST(LockFreeList, IsEmptyAtFirst) {
  List list;
  EXPECT_TRUE(list.is_empty());
  EXPECT_EQ(list.take(), nullptr);
  EXPECT_EQ(list.take_all(), nullptr);
}

TEST(LockFreeList, GivesTheLastOneFirst) {
  List list;
  std::vector<Element> elements = make_elements(3);
  for (Element& element : elements) {
    list.put(&element);
  }
  EXPECT_FALSE(list.is_empty());
  EXPECT_EQ(list.take(), &elements[2]);
  EXPECT_EQ(list.take(), &elements[1]);
  EXPECT_EQ(list.take(), &elements[0]);
  EXPECT_TRUE(list.is_empty());
  EXPECT_EQ(list.take(), nullptr);
}

TEST(LockFreeList, TakesAllAndAChain) {
  List list;
  std::vector<Element> elements = make_elements(5);
  list.put(&elements[4]);
  elements[0].next = &elements[1];
  elements[1].next = &elements[2];
  list.put(&elements[0], &elements[2]);
  list.put(&elements[3]);
  EXPECT_EQ(numbers_from(list.take_all()), (std::vector{3, 0, 1, 2, 4}));
  EXPECT_TRUE(list.is_empty());
}

// Threads that take some or all and put them back. Whoever has taken one has it alone, and in the
// end each is there once.
class Players {
 public:
  explicit Players(int count) : elements_(make_elements(count)) {
    for (Element& element : elements_) {
      list_.put(&element);
    }
  }

  void play(unsigned seed, int rounds) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds && was_alone_; ++round) {
      const unsigned how = random() % 16;
      if (how == 0) {
        put_back(take(list_.take_all()));
      } else if (how < 4) {
        put_back_one_by_one(take(take_some(random() % 8)));
      } else {
        put_back(take(take_some(1 + random() % 3)));
      }
    }
  }

  bool was_alone() const { return was_alone_; }

  std::vector<int> left() {
    take(list_.take_all());
    std::vector<int> numbers;
    for (const Element& element : elements_) {
      numbers.insert(numbers.end(), static_cast<size_t>(element.holders), element.number);
    }
    return numbers;
  }

 private:
  // Linked.
  Element* take_some(unsigned count) {
    Element* first = nullptr;
    for (unsigned i = 0; i < count; ++i) {
      Element* element = list_.take();
      if (element == nullptr) {
        break;
      }
      ElementLink::set_next(element, first);
      first = element;
    }
    return first;
  }

  // Null: somebody else has one of them, or it is among them twice.
  Element* take(Element* first) {
    for (Element* element = first; element != nullptr; element = element->next) {
      if (element->holders.fetch_add(1) != 0) {
        was_alone_ = false;
        return nullptr;
      }
    }
    return first;
  }

  void put_back(Element* first) {
    if (first == nullptr) {
      return;
    }
    Element* last = first;
    for (Element* element = first; element != nullptr; element = element->next) {
      element->holders.fetch_sub(1);
      last = element;
    }
    list_.put(first, last);
  }

  void put_back_one_by_one(Element* first) {
    while (first != nullptr) {
      Element* next = first->next;
      first->holders.fetch_sub(1);
      list_.put(first);
      first = next;
    }
  }

  std::vector<Element> elements_;
  List list_;
  std::atomic<bool> was_alone_ = true;
};

void expect_nothing_lost(int elements, int threads, int rounds) {
  Players players(elements);
  std::vector<std::thread> running;
  std::barrier start(threads);
  for (int t = 0; t < threads; ++t) {
    running.emplace_back([&players, &start, t, rounds] {
      start.arrive_and_wait();
      players.play(static_cast<unsigned>(t), rounds);
    });
  }
  for (std::thread& thread : running) {
    thread.join();
  }
  ASSERT_TRUE(players.was_alone());
  std::vector<int> all(static_cast<size_t>(elements));
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(players.left(), all);
}

// Few elements: the same one is on top again and again while others still look at it.
TEST(LockFreeList, LosesAndDoublesNothingOfFew) {
  for (int elements = 1; elements <= 4; ++elements) {
    expect_nothing_lost(elements, 4, 30'000);
  }
}

TEST(LockFreeList, LosesAndDoublesNothingOfMany) {
  expect_nothing_lost(500, 4, 30'000);
}

}  // namespace
}  // namespace heaptag::zone
