// Lends a Report to core/render, which knows plain pointers only.
#pragma once

#include <deque>
#include <vector>

#include "core/render/model.h"
#include "tools/model/report.h"

namespace heaptag::tools {

class ReportView {
 public:
  /// Borrows `report`: a change of it makes the view invalid.
  explicit ReportView(const Report& report);
  ReportView(const ReportView&) = delete;
  ReportView& operator=(const ReportView&) = delete;

  [[nodiscard]] const render::Report& get() const { return view_; }

 private:
  void add_process(const Process& process);
  void add_tag(const Tag& tag);
  void add_error(const Error& error);
  /// Lends them for the lifetime of this view.
  const std::vector<render::Frame>& add_frames(const std::vector<Frame>& frames);
  render::Event add_event(const Event& event);

  render::Report view_;
  std::vector<const char*> argv_;
  std::vector<render::Option> options_;
  std::vector<render::Module> modules_;
  std::vector<render::Tag> tags_;
  std::vector<render::Rule> rules_;
  std::vector<render::Error> errors_;
  // Deques: the elements are pointed to while more are added.
  std::deque<std::vector<render::Site>> sites_;
  std::deque<std::vector<render::Frame>> frames_;
  std::deque<std::vector<render::Neighbour>> neighbours_;
};

}  // namespace heaptag::tools
