#pragma once

// A network in memory, for tests of the SIP stack and of what stands on it. Everything is delivered by the timers, so
// `timers.advance({})` is one round of the network.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/event_loop/timers.h"
#include "controlplane/sip/network.h"

namespace isthmus::sip {

/// A connection as its far end sees it.
struct MemoryLink {
  SocketAddress ours;
  SocketAddress theirs;
  std::string received;  ///< what the gateway wrote
  bool is_open = true;   ///< the gateway has not closed it
  bool reads = true;     ///< false: what the gateway writes stays unsent
  std::size_t unsent = 0;
  StreamEvents* events = nullptr;

  std::string take() { return std::exchange(received, {}); }
};

class MemoryNetwork final : public Network {
 public:
  explicit MemoryNetwork(event_loop::Timers& timers) : timers_(timers) {}

  struct Datagram {
    SocketAddress from;
    SocketAddress to;
    std::string bytes;
  };
  /// What the gateway sent over UDP to anybody.
  std::vector<Datagram> datagrams;
  /// Connections that the gateway opened, oldest first.
  std::vector<std::shared_ptr<MemoryLink>> opened;
  enum class Outcome : std::uint8_t { kAccept, kRefuse, kSilence };
  /// How far ends answer the gateway's connections.
  Outcome outcome = Outcome::kAccept;
  bool udp_fails = false;

  void send_datagram(const SocketAddress& from, const SocketAddress& to, std::string bytes) {
    timers_.start({}, [this, from, to, bytes = std::move(bytes)] {
      if (const auto socket = udp_.find(to); socket != udp_.end()) socket->second(bytes, from);
    });
  }

  /// Somebody connects to a listener of the gateway.
  std::shared_ptr<MemoryLink> connect(const SocketAddress& from, const SocketAddress& to) {
    auto link = std::make_shared<MemoryLink>();
    link->ours = to;
    link->theirs = from;
    timers_.start({}, [this, link, to] {
      if (const auto listener = tcp_.find(to); listener != tcp_.end()) {
        listener->second(std::make_unique<MemoryStream>(*this, link, true));
      }
    });
    return link;
  }
  void send(const std::shared_ptr<MemoryLink>& link, std::string bytes) {
    timers_.start({}, [link, bytes = std::move(bytes)] {
      if (link->events != nullptr) link->events->on_received(bytes);
    });
  }
  void hang_up(const std::shared_ptr<MemoryLink>& link) {
    timers_.start({}, [link] {
      StreamEvents* const events = std::exchange(link->events, nullptr);
      if (events != nullptr) events->on_closed({ErrorKind::kUnavailable, "the peer ended the connection"});
    });
  }

  Result<std::unique_ptr<DatagramSocket>> open_udp(const SocketAddress& local, Receive receive) override {
    udp_[local] = std::move(receive);
    return std::make_unique<MemoryDatagrams>(*this, local);
  }
  Result<std::unique_ptr<StreamListener>> listen_tcp(const SocketAddress& local, Accept accept) override {
    tcp_[local] = std::move(accept);
    return std::make_unique<MemoryListener>(local);
  }
  std::unique_ptr<Stream> connect_tcp(const SocketAddress& local, const SocketAddress& remote) override {
    auto link = std::make_shared<MemoryLink>();
    link->ours = {local.ip, next_port_++};
    link->theirs = remote;
    opened.push_back(link);
    return std::make_unique<MemoryStream>(*this, link, false);
  }

 private:
  class MemoryDatagrams final : public DatagramSocket {
   public:
    MemoryDatagrams(MemoryNetwork& network, const SocketAddress& local) : network_(network), local_(local) {}
    Status send(std::string_view bytes, const SocketAddress& to) override {
      if (network_.udp_fails) return fail(ErrorKind::kUnavailable, "network is unreachable");
      network_.datagrams.push_back({local_, to, std::string(bytes)});
      return {};
    }
    SocketAddress local() const override { return local_; }

   private:
    MemoryNetwork& network_;
    SocketAddress local_;
  };

  class MemoryListener final : public StreamListener {
   public:
    explicit MemoryListener(const SocketAddress& local) : local_(local) {}
    SocketAddress local() const override { return local_; }

   private:
    SocketAddress local_;
  };

  class MemoryStream final : public Stream {
   public:
    MemoryStream(MemoryNetwork& network, std::shared_ptr<MemoryLink> link, bool is_connected)
        : network_(network), link_(std::move(link)), is_connected_(is_connected) {}
    ~MemoryStream() override { close(); }
    MemoryStream(const MemoryStream&) = delete;
    MemoryStream& operator=(const MemoryStream&) = delete;

    void start(StreamEvents& events) override {
      link_->events = &events;
      if (is_connected_ || network_.outcome == Outcome::kSilence) return;
      network_.timers_.start({}, [link = link_, refused = network_.outcome == Outcome::kRefuse] {
        if (link->events == nullptr) return;
        if (!refused) return link->events->on_connected();
        std::exchange(link->events, nullptr)->on_closed({ErrorKind::kUnavailable, "connection refused"});
      });
    }
    void write(std::string_view bytes) override {
      if (link_->reads) {
        link_->received.append(bytes);
      } else {
        link_->unsent += bytes.size();
      }
    }
    std::size_t unsent() const override { return link_->unsent; }
    void close() override {
      link_->events = nullptr;
      link_->is_open = false;
    }
    SocketAddress local() const override { return link_->ours; }
    SocketAddress remote() const override { return link_->theirs; }

   private:
    MemoryNetwork& network_;
    std::shared_ptr<MemoryLink> link_;
    bool is_connected_;
  };

  event_loop::Timers& timers_;
  std::map<SocketAddress, Receive> udp_;
  std::map<SocketAddress, Accept> tcp_;
  std::uint16_t next_port_ = 40'000;
};

}  // namespace isthmus::sip
