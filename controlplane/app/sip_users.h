#pragma once

// Two users of the transactions: answers to probes go to the monitor, all else to the calls.

#include <functional>
#include <utility>

#include "controlplane/app/peer_monitor.h"
#include "controlplane/sip/transactions.h"

namespace isthmus::app {

/// Event-loop thread. Both users are set before the first message and outlive the transactions.
class SipUsers final : public sip::TransactionUser {
 public:
  void set(sip::TransactionUser& calls, PeerMonitor& monitor) {
    calls_ = &calls;
    monitor_ = &monitor;
  }

  void on_request(sip::ServerId transaction, sip::Message&& request, const sip::Flow& flow) override {
    calls_->on_request(transaction, std::move(request), flow);
  }
  void on_cancel(sip::ServerId invite, sip::Message&& cancel) override { calls_->on_cancel(invite, std::move(cancel)); }
  void on_ack_2xx(sip::Message&& ack, const sip::Flow& flow) override { calls_->on_ack_2xx(std::move(ack), flow); }
  void on_response(sip::ClientId transaction, sip::Message&& response, const sip::Flow& flow) override {
    if (!monitor_->on_answer(transaction, response)) calls_->on_response(transaction, std::move(response), flow);
  }
  void on_timeout(sip::ClientId transaction) override {
    if (!monitor_->on_silence(transaction, "no answer")) calls_->on_timeout(transaction);
  }
  void on_transport_error(sip::ClientId transaction, const Error& why) override {
    if (!monitor_->on_silence(transaction, why.message)) calls_->on_transport_error(transaction, why);
  }
  void on_timer_c(sip::ClientId transaction) override { calls_->on_timer_c(transaction); }
  void on_ack_timeout(sip::ServerId transaction) override { calls_->on_ack_timeout(transaction); }
  void on_transport_error(sip::ServerId transaction, const Error& why) override {
    calls_->on_transport_error(transaction, why);
  }

 private:
  sip::TransactionUser* calls_ = nullptr;
  PeerMonitor* monitor_ = nullptr;
};

}  // namespace isthmus::app
