#include "controlplane/status/alarms.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "dataplane/base/log.h"

namespace isthmus::status {

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kCritical: return "critical";
  }
  return "unknown";
}

Alarms::Alarms(WallClock clock) : clock_(std::move(clock)) {}

void Alarms::raise(std::string_view id, std::string_view subject, Severity severity, std::string text) {
  const auto [at, is_new] = standing_.try_emplace({std::string(id), std::string(subject)});
  Alarm& alarm = at->second;
  if (is_new || alarm.severity != severity) {
    alarm.id = id;
    alarm.subject = subject;
    alarm.severity = severity;
    alarm.since = clock_();
    if (is_new) ++raised_;
    log::write(severity == Severity::kInfo ? log::Level::kInfo : log::Level::kWarn, "alarm.raised",
               {{"alarm", id}, {"subject", subject}, {"severity", to_string(severity)}, {"text", text}});
  }
  alarm.text = std::move(text);
}

void Alarms::clear(std::string_view id, std::string_view subject) {
  if (standing_.erase({std::string(id), std::string(subject)}) > 0) {
    log::info("alarm.cleared", {{"alarm", id}, {"subject", subject}});
  }
}

std::vector<Alarm> Alarms::standing() const {
  std::vector<Alarm> all;
  all.reserve(standing_.size());
  for (const auto& [key, alarm] : standing_) all.push_back(alarm);
  std::ranges::sort(all, [](const Alarm& left, const Alarm& right) {
    if (left.severity != right.severity) return left.severity > right.severity;
    return std::tie(left.since, left.id, left.subject) < std::tie(right.since, right.id, right.subject);
  });
  return all;
}

}  // namespace isthmus::status
