#pragma once

// Reads the fields of one protobuf message into plain values: taken in order, the first that does not fit is remembered
// and ends the message. Private to this folder.

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/base/secret.h"

namespace isthmus::contract {

class FieldReader {
 public:
  /// A number that must fit the (narrower) field.
  template <std::unsigned_integral To>
  void number(std::uint64_t from, To& to, const char* field) {
    if (from > std::numeric_limits<To>::max()) return refuse(field, "does not fit its field");
    to = static_cast<To>(from);
  }
  /// An enumerator by number, first..last.
  template <typename Enum>
  void one_of(std::uint32_t from, Enum first, Enum last, Enum& to, const char* field) {
    if (from < static_cast<std::uint32_t>(first) || from > static_cast<std::uint32_t>(last)) {
      return refuse(field, "is none of the known values");
    }
    to = static_cast<Enum>(from);
  }
  void count(int from, std::size_t bound, const char* field) {
    if (static_cast<std::size_t>(from) > bound) refuse(field, "has more entries than the contract allows");
  }
  void address(const std::string& from, IpAddress& to, const char* field) {
    if (from.size() != 4 && from.size() != 16) return refuse(field, "is no IP address of 4 or 16 octets");
    to = IpAddress{};
    to.family = from.size() == 4 ? IpFamily::kV4 : IpFamily::kV6;
    std::copy(from.begin(), from.end(), to.bytes.begin());
  }
  /// A pb::SocketAddress.
  template <typename Wire>
  void address(const Wire& from, SocketAddress& to, const char* field) {
    address(from.ip(), to.ip, field);
    number(from.port(), to.port, field);
  }
  void octets(const std::string& from, std::size_t bound, std::vector<std::uint8_t>& to, const char* field) {
    if (from.size() > bound) return too_long(field);
    to.assign(from.begin(), from.end());
  }
  void text(const std::string& from, std::size_t bound, std::string& to, const char* field) {
    if (from.size() > bound) return too_long(field);
    to = from;
  }
  /// Takes `size` key bytes off the front of the secret part.
  void secret(Bytes& secrets, std::size_t size, SecretBytes& to, const char* field) {
    if (secrets.size() < size) return refuse(field, "is not in the secret part of the message");
    to = SecretBytes(secrets.first(size));
    secrets = secrets.subspan(size);
  }
  void too_long(const char* field) { refuse(field, "is longer than the contract allows"); }
  void absent(const char* field) { refuse(field, "is missing"); }

  bool ok() const { return !error_; }
  template <typename T>
  Result<T> result(T value) {
    if (error_) return tl::unexpected<Error>(*std::move(error_));
    return value;
  }

 private:
  void refuse(const char* field, const char* what) {
    if (!error_) error_ = Error{ErrorKind::kMalformedInput, what, field};
  }
  std::optional<Error> error_;
};

}  // namespace isthmus::contract
