#pragma once

// One description of a struct's fields serves for writing and for reading it (record_fields.h). Bytes are ours, but
// they are read as if they were not: every length is checked, a damaged record is refused.

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "dataplane/base/address.h"
#include "dataplane/base/bytes.h"
#include "dataplane/base/secret.h"

namespace isthmus::b2bua {

inline constexpr std::size_t kMaxArchivedItems = 4096;  ///< of one list

/// Appends fields to a buffer of a fixed size; what does not fit any more is dropped and ok() is false. The used part
/// is wiped by clear() and when the writer goes: it holds keys, so it never grows and leaves no copies behind.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(std::size_t size) : bytes_(size) {}
  ~ArchiveWriter() { clear(); }
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  template <typename... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }
  /// What older records have not.
  template <typename Field>
  void since(std::uint32_t /*version*/, const Field& field) {
    put(field);
  }
  bool ok() const { return ok_; }
  /// Good until the next change.
  Bytes view() const { return Bytes(bytes_).first(used_); }
  void clear() {
    wipe(MutableBytes(bytes_).first(used_));
    used_ = 0;
    ok_ = true;
  }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) {
    if (!has_room(sizeof value)) return;
    std::memcpy(bytes_.data() + used_, &value, sizeof value);  // one store: most of a record are such fields
    used_ += sizeof value;
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    raw(text.data(), text.size());
  }
  void put(const SecretBytes& secret) {
    put(static_cast<std::uint32_t>(secret.size()));
    raw(secret.view().data(), secret.size());
  }
  void put(const IpAddress& address) {
    put(address.family);
    raw(address.bytes.data(), address.bytes.size());
  }
  void put(const SocketAddress& address) {
    put(address.ip);
    put(address.port);
  }
  template <typename T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <typename T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint32_t>(values.size()));
    for (const T& value : values) put(value);
  }
  template <typename T>
    requires std::is_class_v<T>
  void put(const T& value) {
    // Writing does not change it; the one description of the fields serves both ways.
    describe(*this, const_cast<T&>(value));
  }
  void raw(const void* from, std::size_t size) {
    if (size == 0 || !has_room(size)) return;
    std::memcpy(bytes_.data() + used_, from, size);
    used_ += size;
  }
  bool has_room(std::size_t size) {
    if (size <= bytes_.size() - used_) return true;
    ok_ = false;
    return false;
  }

  std::vector<std::uint8_t> bytes_;
  std::size_t used_ = 0;
  bool ok_ = true;
};

/// Reads what ArchiveWriter wrote; after the first damage everything stays as it is and ok() is false.
class ArchiveReader {
 public:
  explicit ArchiveReader(Bytes bytes) : bytes_(bytes) {}

  template <typename... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }
  /// Of the record; what later ones brought stays as it is.
  void set_version(std::uint32_t version) { version_ = version; }
  template <typename Field>
  void since(std::uint32_t version, Field& field) {
    if (version_ >= version) get(field);
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  template <typename T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void get(T& value) {
    if (!raw(&value, sizeof value)) value = T{};
  }
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    value = byte != 0;
  }
  void get(std::string& text) {
    const std::uint32_t size = count(bytes_.size());
    text.resize(size);
    raw(text.data(), size);
  }
  void get(SecretBytes& secret) {
    const std::uint32_t size = count(bytes_.size());
    secret = SecretBytes(bytes_.first(size));
    bytes_ = bytes_.subspan(size);
  }
  void get(IpAddress& address) {
    get(address.family);
    if (address.family != IpFamily::kV4 && address.family != IpFamily::kV6) ok_ = false;
    raw(address.bytes.data(), address.bytes.size());
  }
  void get(SocketAddress& address) {
    get(address.ip);
    get(address.port);
  }
  template <typename T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    value.reset();
    if (present && ok_) get(value.emplace());
  }
  template <typename T>
  void get(std::vector<T>& values) {
    const std::uint32_t size = count(kMaxArchivedItems);
    values.clear();
    for (std::uint32_t i = 0; i < size && ok_; ++i) get(values.emplace_back());
  }
  template <typename T>
    requires std::is_class_v<T>
  void get(T& value) {
    describe(*this, value);
  }

  /// A length; 0 and damage when it is over `most` or more than what is left.
  std::uint32_t count(std::size_t most) {
    std::uint32_t size = 0;
    get(size);
    if (size > most || size > bytes_.size()) {
      ok_ = false;
      return 0;
    }
    return size;
  }
  bool raw(void* to, std::size_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return false;
    }
    std::memcpy(to, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return true;
  }

  Bytes bytes_;
  std::uint32_t version_ = 0;
  bool ok_ = true;
};

}  // namespace isthmus::b2bua
