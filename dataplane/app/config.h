#pragma once

// The data plane's configuration file. Strict: an unknown key, a wrong type or a value out of range refuses the whole
// file, with every problem's line and key, before anything is started.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "dataplane/base/log.h"
#include "dataplane/crypto/engines.h"
#include "dataplane/io/engine.h"
#include "dataplane/worker/idle.h"

namespace isthmus::app {

struct Config {
  io::Mode io_mode = io::Mode::kAuto;
  worker::IdlePolicy idle = worker::IdlePolicy::kNap;
  crypto::EngineChoice srtp_engine = crypto::EngineChoice::kAuto;
  std::size_t workers = 1;
  std::vector<unsigned> worker_cpus;  ///< one a worker; empty: the scheduler's choice
  bool huge_pages = true;             ///< use them where they are free
  bool tx_checksum_offload = false;   ///< pci: UDP checksums by the NIC where it offers that
  bool media_over_tcp = true;         ///< for legs whose peer has nothing else (RFC 4571)
  std::string contract_socket = "/run/isthmus/dataplane.sock";
  std::string run_directory = "/run/isthmus";
  unsigned control_plane_absent_minutes = 10;  ///< threat model B6; then silent sessions are ended
  log::Level log_level = log::Level::kInfo;
  io::Replay replay;
  std::vector<io::Network> networks;
};

/// One thing to put right; `key` is a path as it is written: "network[1].first_port", counted from 0.
struct ConfigProblem {
  std::uint32_t line = 0;  ///< from 1; a key that is missing has its table's line
  std::string key;
  std::string message;
  auto operator<=>(const ConfigProblem&) const = default;
};

using ConfigProblems = std::vector<ConfigProblem>;

/// `text` is the file's content.
tl::expected<Config, ConfigProblems> parse_config(std::string_view text);
/// As parse_config; a file that cannot be read is a problem at line 0.
tl::expected<Config, ConfigProblems> load_config(const std::string& path);
/// "dataplane.toml:12: network[1].first_port: ...", one a line.
std::string to_text(const ConfigProblems& problems, std::string_view file);

}  // namespace isthmus::app
