#include "dataplane/base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace isthmus::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(std::string_view process_name, Level lowest) {
  auto logger =
      std::make_shared<spdlog::logger>(std::string(process_name), std::make_shared<spdlog::sinks::stderr_sink_mt>());
  // The process's number is written into the pattern: %P would ask the kernel for it at each line.
  logger->set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%fZ %n[{}] %l %v", ::getpid()), spdlog::pattern_time_type::utc);
  logger->set_level(to_spdlog(lowest));
  logger->flush_on(spdlog::level::debug);
  return logger;
}

constexpr std::size_t kUsualLineBytes = 256;

/// Nothing in it that escape() would change.
bool is_plain(std::string_view value) {
  return !value.empty() && value.size() <= kMaxValueBytes && std::ranges::all_of(value, [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet > 0x20 && octet != 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

std::shared_ptr<spdlog::logger>& current() {
  static std::shared_ptr<spdlog::logger> logger = make_logger("isthmus", Level::kInfo);
  return logger;
}

}  // namespace

void start(std::string_view process_name, Level lowest) { current() = make_logger(process_name, lowest); }

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!current()->should_log(to_spdlog(level))) return;
  std::string line;
  line.reserve(kUsualLineBytes);
  line += event;
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (is_plain(field.value)) {
      line += field.value;
    } else {
      line += escape(field.value);
    }
  }
  current()->log(to_spdlog(level), spdlog::string_view_t(line));
}

std::string escape(std::string_view value) {
  const bool cut = value.size() > kMaxValueBytes;
  if (cut) value = value.substr(0, kMaxValueBytes);
  bool quote = value.empty();
  std::string text;
  text.reserve(value.size() + 2);
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
      quote = true;
    } else if (octet < 0x20 || octet == 0x7f) {
      text += fmt::format("\\x{:02x}", octet);
      quote = true;
    } else {
      if (c == ' ' || c == '=') quote = true;
      text += c;
    }
  }
  if (cut) text += "...";
  return quote ? '"' + text + '"' : text;
}

}  // namespace isthmus::log
