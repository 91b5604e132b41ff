#include "controlplane/supervisor/options.h"

#include <array>
#include <charconv>
#include <string_view>

namespace isthmus::supervisor {
namespace {

constexpr std::string_view kVersionText = "isthmus-supervisor 0.1.0\n";

struct Option {
  std::string_view name;
  std::string Options::* text = nullptr;
  std::size_t Options::* number = nullptr;
  bool Options::* flag = nullptr;
  bool flag_value = true;
};

constexpr std::array kOptions = {
    Option{"--dataplane-config", &Options::dataplane_config},
    Option{"--controlplane-config", &Options::controlplane_config},
    Option{"--run-dir", &Options::run_dir},
    Option{"--state-dir", &Options::state_dir},
    Option{"--bin-dir", &Options::bin_dir},
    Option{"--dataplane-user", &Options::dataplane_user},
    Option{"--controlplane-user", &Options::controlplane_user},
    Option{"--journal-mib", nullptr, &Options::journal_mib},
    Option{"--index-memory-mib", nullptr, &Options::index_memory_mib},
    Option{"--stop-seconds", nullptr, &Options::stop_seconds},
    Option{"--same-user", nullptr, nullptr, &Options::same_user},
    Option{"--no-seccomp", nullptr, nullptr, &Options::filter_system_calls, false},
    Option{"--debug", nullptr, nullptr, &Options::debug},
};

tl::unexpected<Error> refuse(std::string_view option, std::string what) {
  return fail(ErrorKind::kInvalidArgument, std::move(what), std::string(option));
}

Result<std::size_t> parse_number(std::string_view option, std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > kMaxNumber) {
    return refuse(option, "is no number from 1 to " + std::to_string(kMaxNumber));
  }
  return value;
}

Status set(Options& options, const Option& option, std::string_view value) {
  if (option.number != nullptr) {
    const Result<std::size_t> number = parse_number(option.name, value);
    if (!number) return forward_error(number);
    options.*option.number = *number;
    return {};
  }
  if (value.empty()) return refuse(option.name, "is empty");
  options.*option.text = value;
  return {};
}

void complete(Options& options, const std::string& config_dir, const std::string& own_dir) {
  if (options.dataplane_config.empty()) options.dataplane_config = config_dir + "/dataplane.toml";
  if (options.controlplane_config.empty()) options.controlplane_config = config_dir + "/controlplane.toml";
  if (options.bin_dir.empty()) options.bin_dir = own_dir;
}

}  // namespace

Result<Parsed> parse_options(std::span<const char* const> arguments, const std::string& own_dir) {
  Parsed parsed;
  std::string config_dir = "/etc/isthmus";
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") return Parsed{{}, usage()};
    if (argument == "--version") return Parsed{{}, std::string(kVersionText)};
    const std::string_view name = argument.substr(0, argument.find('='));
    const Option* option = nullptr;
    for (const Option& each : kOptions) {
      if (each.name == name) option = &each;
    }
    const bool is_config_dir = name == "--config-dir";
    if (option == nullptr && !is_config_dir) return refuse(name, "is not known (see --help)");
    if (option != nullptr && option->flag != nullptr) {
      if (name != argument) return refuse(name, "takes no value");
      parsed.options.*option->flag = option->flag_value;
      continue;
    }
    std::string_view value;
    if (name != argument) {
      value = argument.substr(name.size() + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return refuse(name, "needs a value");
    }
    if (is_config_dir) {
      config_dir = value;
    } else if (const Status status = set(parsed.options, *option, value); !status) {
      return forward_error(status);
    }
  }
  complete(parsed.options, config_dir, own_dir);
  return parsed;
}

std::string usage() {
  return R"(usage: isthmus-supervisor [OPTION]...

Starts the data plane, then the control plane, each as a user of its own with the few rights it needs; watches them, starts them
again when they end, and holds the memory that must outlive them (call journal, SRTP index state, contract socket).

  --config-dir DIR            where dataplane.toml and controlplane.toml are (default /etc/isthmus)
  --dataplane-config FILE     the data plane's configuration, if it is elsewhere
  --controlplane-config FILE  the control plane's configuration, if it is elsewhere
  --run-dir DIR               sockets and process ids (default /run/isthmus; made if missing)
  --state-dir DIR             what the control plane keeps on disk (default /var/lib/isthmus; made if missing)
  --bin-dir DIR               where isthmus-dataplane and isthmus-controlplane are (default: beside this program)
  --same-user                 both planes keep the user of the supervisor (laptops, socket mode; no root needed)
  --dataplane-user NAME       (default isthmus-dataplane)
  --controlplane-user NAME    (default isthmus-controlplane)
  --journal-mib N             size of the call journal, 1..4096 (default 64; memory is taken as it is used)
  --index-memory-mib N        size of the SRTP index memory, 1..4096 (default 64)
  --stop-seconds N            how long each plane may take to end, 1..4096 (default 10; then it is asked again, then killed)
  --no-seccomp                no system call filter (for sanitizers and strace; logs a warning)
  --debug                     log more
  --version, -h, --help

Signals: TERM and INT stop the control plane, then the data plane; a second one does so at once; HUP is handed on to both.
Exit status: 0 stopped as asked; 1 could not start, or a plane never got ready; 64 wrong command line; 78 a plane refused its
configuration or command line (its own last line says which file, line and key).
)";
}

}  // namespace isthmus::supervisor
