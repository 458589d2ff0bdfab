// Lends a Report to core/render, which knows plain pointers only.
#pragma once

#include <deque>
#include <vector>

#include "core/render/model.h"
#include "tools/model/report.h"

namespace heaptag::tools {

/// Which frames of a call site are shown. The text has one line per owner, and that is the place
/// in the function that the linker knows: the one inlined there last is often some allocator's.
enum class FrameChoice { kAll, kNotInlined };

class ReportView {
 public:
  /// Borrows `report`: a change of it makes the view invalid.
  ReportView(const Report& report, FrameChoice choice);
  ReportView(const ReportView&) = delete;
  ReportView& operator=(const ReportView&) = delete;

  [[nodiscard]] const render::Report& get() const { return view_; }

 private:
  void add_process(const Process& process);
  void add_tag(const Tag& tag);

  FrameChoice choice_;
  render::Report view_;
  std::vector<const char*> argv_;
  std::vector<render::Option> options_;
  std::vector<render::Module> modules_;
  std::vector<render::Tag> tags_;
  // Deques: the elements are pointed to while more are added.
  std::deque<std::vector<render::Site>> sites_;
  std::deque<std::vector<render::Frame>> frames_;
};

}  // namespace heaptag::tools
