// After cfrac (Barrett; in Zorn's and Grunwald's collection of allocating programs): factors
// numbers with continued fractions (Morrison and Brillhart 1975). Stresses very small blocks that
// die in the next line: each of some ten operations of a step makes a number of 8 to 40 bytes. The
// relations that are found live until the number is factored. The program is ours, not Barrett's.
#include <bitset>
#include <vector>

#include "bench/micro/number.h"

namespace {

using bench::Number;

constexpr uint32_t kPrimes = 48;      // in the base, beside the sign
constexpr uint32_t kRelations = 128;  // then the number is given up
constexpr uint32_t kSteps = 400'000;  // likewise
constexpr uint32_t kFactorBits = 33;

struct Relation {
  Number square_root;            // its square is ± the product of primes below, modulo N
  std::vector<uint8_t> powers;   // of the sign, then of the primes
  uint64_t odd = 0;              // bit i: powers[i] is odd; reduced by elimination
  std::bitset<kRelations> used;  // which relations were multiplied into this row
};

Number greatest_common_divisor(Number a, Number b) {
  while (!b.is_zero()) {
    Number rest = a % b;
    a = std::move(b);
    b = std::move(rest);
  }
  return a;
}

Number integer_root(const Number& n) {
  Number root = n;
  for (;;) {
    Number next = (root + n / root) / Number(2);
    if (compare(next, root) >= 0) {
      return root;
    }
    root = std::move(next);
  }
}

uint32_t power_modulo(uint64_t base, uint32_t exponent, uint32_t modulus) {
  uint64_t result = 1;
  for (base %= modulus; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) {
      result = result * base % modulus;
    }
    base = base * base % modulus;
  }
  return static_cast<uint32_t>(result);
}

class Factoring {
 public:
  explicit Factoring(const Number& n) : n_(n) {
    for (uint32_t p = 2; primes_.size() < kPrimes; ++p) {
      bool prime = true;
      for (uint32_t d = 2; d * d <= p && prime; ++d) {
        prime = p % d != 0;
      }
      // Only primes for which N is a square can divide what the fraction yields.
      if (prime && (p == 2 || power_modulo(n.modulo(p), (p - 1) / 2, p) <= 1)) {
        primes_.push_back(p);
      }
    }
  }

  /// Returns: a factor other than 1 and N, or 0 if none was found.
  Number run() {
    const Number root = integer_root(n_);
    Number p(0);
    Number q(1);
    Number a_before(1);
    Number a = root % n_;
    Number partial = root;
    for (uint32_t step = 1; step <= kSteps && relations_.size() < kRelations; ++step) {
      p = partial * q - p;
      q = (n_ - p * p) / q;
      if (q.is_one()) {
        break;  // the fraction repeats itself from here on
      }
      Number factor = try_relation(a, q, step % 2 == 1);
      if (!factor.is_zero()) {
        return factor;
      }
      partial = (root + p) / q;
      Number a_next = (partial * a + a_before) % n_;
      a_before = std::move(a);
      a = std::move(a_next);
    }
    return Number(0);
  }

 private:
  Number try_relation(const Number& a, const Number& q, bool negative) {
    std::vector<uint8_t> powers(kPrimes + 1);
    powers[0] = negative ? 1 : 0;
    Number rest = q;
    for (uint32_t i = 0; i < kPrimes; ++i) {
      while (rest.modulo(primes_[i]) == 0) {
        rest = rest / Number(primes_[i]);
        ++powers[i + 1];
      }
    }
    if (!rest.is_one()) {
      return Number(0);
    }
    Relation relation{a, std::move(powers), 0, {}};
    for (uint32_t i = 0; i <= kPrimes; ++i) {
      relation.odd |= uint64_t{relation.powers[i] % 2U} << i;
    }
    relation.used.set(relations_.size());
    for (const Relation& earlier : relations_) {
      const uint64_t lead = earlier.odd & -earlier.odd;
      if (lead != 0 && (relation.odd & lead) != 0) {
        relation.odd ^= earlier.odd;
        relation.used ^= earlier.used;
      }
    }
    relations_.push_back(std::move(relation));
    return relations_.back().odd == 0 ? combine(relations_.back().used) : Number(0);
  }

  // The product of these relations is a square on both sides: x² ≡ y² modulo N.
  Number combine(const std::bitset<kRelations>& used) const {
    Number x(1);
    Number y(1);
    std::vector<uint32_t> sums(kPrimes + 1);
    for (std::size_t r = 0; r < relations_.size(); ++r) {
      if (used.test(r)) {
        x = x * relations_[r].square_root % n_;
        for (uint32_t i = 0; i <= kPrimes; ++i) {
          sums[i] += relations_[r].powers[i];
        }
      }
    }
    for (uint32_t i = 0; i < kPrimes; ++i) {
      for (uint32_t half = sums[i + 1] / 2; half > 0; --half) {
        y = y * Number(primes_[i]) % n_;
      }
    }
    const Number factor = greatest_common_divisor(x + y, n_);
    return factor.is_one() || compare(factor, n_) == 0 ? Number(0) : factor;
  }

  const Number& n_;
  std::vector<uint32_t> primes_;
  std::vector<Relation> relations_;
};

uint64_t draw_prime(bench::Rng& rng) {
  for (;;) {
    const uint64_t candidate =
        (uint64_t{1} << kFactorBits) | (rng.next() >> (64 - kFactorBits)) | 1;
    bool prime = true;
    for (uint64_t d = 3; d * d <= candidate && prime; d += 2) {
      prime = candidate % d != 0;
    }
    if (prime) {
      return candidate;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t numbers = bench::work(argc, argv, 200, 1);
  bench::Rng rng(31);
  bench::Check check;
  uint64_t factored = 0;
  for (uint64_t i = 0; i < numbers; ++i) {
    const Number n = Number(draw_prime(rng)) * Number(draw_prime(rng));
    const Number factor = Factoring(n).run();
    if (!factor.is_zero()) {
      if (!(n % factor).is_zero()) {
        bench::fail("a number lost its digits");
      }
      ++factored;
      check.add(factor.low());
    }
  }
  return bench::finish("cfrac", factored, check.value());
}
