#include "controlplane/config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "controlplane/config/schema.h"
#include "controlplane/config/toml_reader.h"
#include "controlplane/config/validator.h"

namespace isthmus::config {
namespace {

tl::unexpected<Problems> one_problem(std::string message) { return tl::unexpected(Problems{{"", std::move(message)}}); }

/// "zone[1].peers[0].host" -> "zone[1]"; "rest.port" -> "rest".
std::string_view entry_of(std::string_view key) {
  const std::size_t end = key.find_first_of("].");
  return key.substr(0, end == std::string_view::npos || key[end] == '.' ? end : end + 1);
}

/// Values that were refused are still at their defaults: what the validator says of an entry with such a value would
/// only be noise.
void add_of_other_entries(Problems& problems, const Problems& further) {
  const std::size_t known = problems.size();
  for (const Problem& problem : further) {
    const auto same_entry = [&](const Problem& each) { return entry_of(each.key) == entry_of(problem.key); };
    if (std::none_of(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(known), same_entry)) {
      problems.push_back(problem);
    }
  }
}

/// A listener without a port of its own has that of its transport.
void set_default_ports(const Value& root, ControlPlane& config) {
  const Value* written = root.find("listener");
  if (written == nullptr || written->items.size() != config.listeners.size()) return;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    Listener& listener = config.listeners[i];
    if (listener.transport == Transport::kTls && written->items[i].find("port") == nullptr) {
      listener.port = kDefaultTlsPort;
    }
  }
}

}  // namespace

Checked<ControlPlane> load_text(std::string_view text, Lines* lines) {
  Lines local;
  Lines& known = lines != nullptr ? *lines : local;
  const Checked<Value> root = read_toml(text);
  if (!root) return tl::unexpected(root.error());
  ControlPlane config;
  Problems problems = apply_schema(*root, config, known);
  set_default_ports(*root, config);
  add_of_other_entries(problems, validate(config, known));
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return config;
}

Checked<ControlPlane> load_file(const std::string& path, Lines* lines) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return one_problem(std::string("cannot be read: ") + std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) return one_problem("cannot be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) return one_problem("is larger than " + std::to_string(kMaxFileBytes) + " bytes");
  return load_text(text, lines);
}

std::string to_text(const Problems& problems, std::string_view file_name) {
  std::multimap<std::uint32_t, const Problem*> by_line;  // of one line in the order they were found
  for (const Problem& problem : problems) by_line.emplace(problem.line, &problem);
  std::string text;
  for (const auto& [line, found] : by_line) {
    const Problem& problem = *found;
    text += file_name;
    if (line != 0) text += ":" + std::to_string(line);
    text += ": ";
    if (!problem.key.empty()) text += problem.key + ": ";
    text += problem.message + "\n";
  }
  return text;
}

}  // namespace isthmus::config
