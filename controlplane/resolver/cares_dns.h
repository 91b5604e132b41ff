#pragma once

// The domain name system by c-ares on the event loop: the servers of /etc/resolv.conf, the hosts file first.

#include <memory>
#include <string>

#include "controlplane/event_loop/event_loop.h"
#include "controlplane/resolver/dns.h"

namespace isthmus::resolver {

/// Event-loop thread; the loop outlives it.
class CaresDns final : public Dns {
 public:
  /// `servers`: "192.0.2.53:53,..." instead of those of the system, for tests.
  static Result<std::unique_ptr<CaresDns>> open(event_loop::EventLoop& loop, const std::string& servers = {});
  ~CaresDns() override;
  CaresDns(const CaresDns&) = delete;
  CaresDns& operator=(const CaresDns&) = delete;

  void addresses(const std::string& name, std::function<void(Result<Addresses>)> done) override;
  void services(const std::string& name, std::function<void(Result<Services>)> done) override;
  bool is_in_hosts_file(const std::string& name) override;

 private:
  class Impl;
  explicit CaresDns(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace isthmus::resolver
