#include "controlplane/app/configuration.h"

#include <fmt/format.h>

#include <utility>

#include "controlplane/config/schema.h"
#include "controlplane/routing/dial_plan.h"
#include "controlplane/trust/trust_table.h"

namespace isthmus::app {
namespace {

/// Folders name the members of the structs, the file has its own words: "search_rules[3].pattern" is written
/// "search_rule[3].pattern".
std::string key_in_file(std::string field) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"search_rules", "search_rule"},   {"transforms", "transform"},
      {"trusted_hosts", "trusted_host"}, {"zones", "zone"},
      {"listeners", "listener"},
  };
  for (const auto& [member, key] : kWords) {
    if (field.starts_with(member)) return std::string(key) + field.substr(member.size());
  }
  return field;
}

config::Problem problem_of(const Error& error, const config::Lines& lines) {
  config::Problem problem{key_in_file(error.field), error.message, 0};
  problem.line = lines.of(problem.key);
  return problem;
}

config::Checked<config::ControlPlane> check_further(config::Checked<config::ControlPlane> config,
                                                    const config::Lines& lines) {
  if (!config) return config;
  config::Problems problems;
  if (const auto plan = routing::DialPlan::compile(*config); !plan) {
    problems.push_back(problem_of(plan.error(), lines));
  }
  if (const auto hosts = trust::trusted_hosts_of(*config); !hosts) {
    problems.push_back(problem_of(hosts.error(), lines));
  }
  for (std::size_t i = 0; i < config->listeners.size(); ++i) {
    if (config->listeners[i].transport != config::Transport::kTls) continue;
    if (const auto tls = load_tls(config->listeners[i]); !tls) {
      problems.push_back(problem_of(
          {tls.error().kind, tls.error().message, fmt::format("listeners[{}].{}", i, tls.error().field)}, lines));
    }
  }
  if (!problems.empty()) return tl::unexpected(std::move(problems));
  return config;
}

sip::ClientCertificate to_sip(config::ClientCertificate wanted) {
  switch (wanted) {
    case config::ClientCertificate::kNone: return sip::ClientCertificate::kNone;
    case config::ClientCertificate::kOptional: return sip::ClientCertificate::kOptional;
    case config::ClientCertificate::kRequired: return sip::ClientCertificate::kRequired;
  }
  return sip::ClientCertificate::kRequired;
}

}  // namespace

Result<std::shared_ptr<const sip::TlsContext>> load_tls(const config::Listener& listener) {
  return sip::TlsContext::load({listener.certificate, listener.private_key, listener.trusted_ca},
                               to_sip(listener.client_certificate));
}

config::Checked<config::ControlPlane> load_configuration(const std::string& path) {
  config::Lines lines;
  auto config = config::load_file(path, &lines);
  return check_further(std::move(config), lines);
}

config::Checked<config::ControlPlane> check_configuration(std::string_view text) {
  config::Lines lines;
  auto config = config::load_text(text, &lines);
  return check_further(std::move(config), lines);
}

std::string list_of_keys() {
  std::string text;
  for (const auto& key : config::describe_keys()) {
    text += fmt::format("{:<36} {:<24} {:<20} {}\n", key.key, key.type,
                        key.default_value.empty() ? "(required)" : key.default_value, key.purpose);
  }
  return text;
}

}  // namespace isthmus::app
