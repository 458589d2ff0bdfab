#include "core/stack/row_program.h"

namespace heaptag::stack {
namespace {

// Register numbers of the System V ABI for x86-64.
constexpr uint64_t kRbp = 6;
constexpr uint64_t kRsp = 7;
constexpr uint64_t kReturnAddress = 16;

constexpr int64_t kReturnAddressOffset = -8;

// Compilers remember one state at a time.
constexpr unsigned kMaxRemembered = 8;

/// Call frame instructions (DW_CFA_…). The first three have an operand in their lower six bits.
enum Instruction : uint8_t {
  kAdvanceLoc = 0x40,
  kOffset = 0x80,
  kRestore = 0xc0,
  kNop = 0x00,
  kSetLoc = 0x01,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestoreExtended = 0x06,
  kUndefined = 0x07,
  kSameValue = 0x08,
  kRegister = 0x09,
  kRememberState = 0x0a,
  kRestoreState = 0x0b,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
  kDefCfaExpression = 0x0f,
  kExpression = 0x10,
  kOffsetExtendedSf = 0x11,
  kDefCfaSf = 0x12,
  kDefCfaOffsetSf = 0x13,
  kValOffset = 0x14,
  kValOffsetSf = 0x15,
  kValExpression = 0x16,
  kGnuArgsSize = 0x2e,
  kGnuNegativeOffsetExtended = 0x2f,
};

constexpr uint8_t kOperandMask = 0x3f;

/// Where a register of the caller is.
struct Rule {
  enum Kind : uint8_t { kUnchanged, kSaved, kElsewhere };

  Kind kind = kUnchanged;
  int64_t offset = 0;  // from the CFA, when saved
};

struct State {
  bool cfa_is_expression = false;
  uint64_t cfa_register = 0;
  int64_t cfa_offset = 0;
  Rule rbp;
  Rule return_address;
};

class RowProgram {
 public:
  RowProgram(const FunctionEntry& entry, uintptr_t address)
      : entry_(entry), address_(address), location_(entry.begin) {}

  bool run() {
    const bool is_common = run_part(entry_.initial_program) && location_ == entry_.begin;
    initial_ = state_;
    remembered_count_ = 0;
    return is_common && run_part(entry_.program);
  }

  const State& state() const { return state_; }

 private:
  /// False when an instruction makes no sense. Ends before the first one behind the address.
  bool run_part(ByteRange program) {
    reader_ = ByteReader(program);
    is_done_ = false;
    while (!is_done_ && !reader_.at_end()) {
      if (!run_one(reader_.fixed<uint8_t>())) {
        return false;
      }
    }
    return !reader_.failed();
  }

  bool run_one(uint8_t byte) {
    const uint8_t operand = byte & kOperandMask;
    switch (byte & ~kOperandMask) {
      case kAdvanceLoc:
        return advance(operand);
      case kOffset:
        set_rule(operand, Rule::kSaved, factored(reader_.uleb128()));
        return true;
      case kRestore:
        restore(operand);
        return true;
      default:
        return run_extended(byte);
    }
  }

  bool run_extended(uint8_t instruction) {
    switch (instruction) {
      case kNop:
        return true;
      case kSetLoc:
        return move_to(reader_.pointer(entry_.pointer_encoding));
      case kAdvanceLoc1:
        return advance(reader_.fixed<uint8_t>());
      case kAdvanceLoc2:
        return advance(reader_.fixed<uint16_t>());
      case kAdvanceLoc4:
        return advance(reader_.fixed<uint32_t>());
      case kRememberState:
        return remember();
      case kRestoreState:
        return recall();
      case kGnuArgsSize:
        reader_.uleb128();
        return true;
      default:
        return define_cfa(instruction) || define_register(instruction);
    }
  }

  bool define_cfa(uint8_t instruction) {
    switch (instruction) {
      case kDefCfa:
        state_.cfa_register = reader_.uleb128();
        state_.cfa_offset = static_cast<int64_t>(reader_.uleb128());
        break;
      case kDefCfaSf:
        state_.cfa_register = reader_.uleb128();
        state_.cfa_offset = factored(static_cast<uint64_t>(reader_.sleb128()));
        break;
      case kDefCfaRegister:
        state_.cfa_register = reader_.uleb128();
        break;
      case kDefCfaOffset:
        state_.cfa_offset = static_cast<int64_t>(reader_.uleb128());
        return true;  // says nothing of the register: an expression stays one
      case kDefCfaOffsetSf:
        state_.cfa_offset = factored(static_cast<uint64_t>(reader_.sleb128()));
        return true;
      case kDefCfaExpression:
        state_.cfa_is_expression = true;
        reader_.skip(reader_.uleb128());
        return true;
      default:
        return false;
    }
    state_.cfa_is_expression = false;
    return true;
  }

  /// All that remains has a register as its first operand. False for what we do not know.
  bool define_register(uint8_t instruction) {
    const uint64_t number = reader_.uleb128();
    switch (instruction) {
      case kOffsetExtended:
        set_rule(number, Rule::kSaved, factored(reader_.uleb128()));
        return true;
      case kOffsetExtendedSf:
        set_rule(number, Rule::kSaved, factored(static_cast<uint64_t>(reader_.sleb128())));
        return true;
      case kGnuNegativeOffsetExtended:
        set_rule(number, Rule::kSaved, factored(0 - reader_.uleb128()));
        return true;
      case kRestoreExtended:
        restore(number);
        return true;
      case kSameValue:
        set_rule(number, Rule::kUnchanged);
        return true;
      case kUndefined:
        set_rule(number, Rule::kElsewhere);
        return true;
      case kRegister:
      case kValOffset:
      case kValOffsetSf:
        reader_.uleb128();  // as long as the signed one
        set_rule(number, Rule::kElsewhere);
        return true;
      case kExpression:
      case kValExpression:
        reader_.skip(reader_.uleb128());
        set_rule(number, Rule::kElsewhere);
        return true;
      default:
        return false;
    }
  }

  bool advance(uint64_t steps) { return move_to(location_ + steps * entry_.code_factor); }

  bool move_to(uintptr_t location) {
    if (location < location_) {
      return false;
    }
    location_ = location;
    is_done_ = location > address_;
    return true;
  }

  int64_t factored(uint64_t offset) const {
    return static_cast<int64_t>(offset * static_cast<uint64_t>(entry_.data_factor));
  }

  static Rule* rule_of(State* state, uint64_t number) {
    switch (number) {
      case kRbp:
        return &state->rbp;
      case kReturnAddress:
        return &state->return_address;
      default:
        return nullptr;  // nobody asks for it
    }
  }

  void set_rule(uint64_t number, Rule::Kind kind, int64_t offset = 0) {
    if (Rule* rule = rule_of(&state_, number)) {
      *rule = {kind, offset};
    }
  }

  void restore(uint64_t number) {
    if (Rule* rule = rule_of(&state_, number)) {
      *rule = *rule_of(&initial_, number);
    }
  }

  bool remember() {
    if (remembered_count_ == kMaxRemembered) {
      return false;
    }
    remembered_[remembered_count_++] = state_;
    return true;
  }

  bool recall() {
    if (remembered_count_ == 0) {
      return false;
    }
    state_ = remembered_[--remembered_count_];
    return true;
  }

  const FunctionEntry& entry_;
  const uintptr_t address_;
  uintptr_t location_;  // where the next instructions hold from
  bool is_done_ = false;
  ByteReader reader_;
  State state_;
  State initial_;  // after the CIE's instructions
  State remembered_[kMaxRemembered];
  unsigned remembered_count_ = 0;
};

bool is_sayable(uint64_t offset, uint32_t max) {
  return offset >= FrameRow::kWordBytes && offset <= max && offset % FrameRow::kWordBytes == 0;
}

bool say(const State& state, FrameRow* row) {
  const auto cfa_offset = static_cast<uint64_t>(state.cfa_offset);
  const bool is_cfa_sayable = !state.cfa_is_expression &&
                              (state.cfa_register == kRsp || state.cfa_register == kRbp) &&
                              is_sayable(cfa_offset, FrameRow::kMaxCfaOffset);
  const Rule& return_address = state.return_address;
  if (!is_cfa_sayable || return_address.kind != Rule::kSaved ||
      return_address.offset != kReturnAddressOffset) {
    return false;
  }
  uint64_t rbp_below = 0;
  if (state.rbp.kind != Rule::kUnchanged) {
    rbp_below = 0 - static_cast<uint64_t>(state.rbp.offset);
    if (state.rbp.kind != Rule::kSaved || !is_sayable(rbp_below, FrameRow::kMaxRbpSavedBelow)) {
      return false;
    }
  }
  *row = {state.cfa_register == kRbp, static_cast<uint32_t>(cfa_offset),
          static_cast<uint32_t>(rbp_below)};
  return true;
}

}  // namespace

bool read_frame_row(const FunctionEntry& entry, uintptr_t address, FrameRow* row) {
  if (entry.is_signal_frame || entry.return_register != kReturnAddress) {
    return false;
  }
  RowProgram program(entry, address);
  return program.run() && say(program.state(), row);
}

}  // namespace heaptag::stack
