#pragma once

// What the routes' handlers share. Private to this folder.

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "controlplane/rest/api.h"
#include "controlplane/rest/problem.h"

namespace isthmus::rest {

inline const std::string* find_parameter(const Target& target, std::string_view name) {
  for (const auto& [key, value] : target.query) {
    if (key == name) return &value;
  }
  return nullptr;
}

/// Unknown parameters are refused: a misspelt one would silently do nothing.
inline std::optional<Response> refuse_unknown(const Target& target, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : target.query) {
    if (std::ranges::find(known, key) == known.end()) {
      return problem(400, "unknown-parameter", "a query parameter is not known here");
    }
  }
  return std::nullopt;
}

inline bool is_call_id(std::string_view id) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !id.empty() && id.size() <= kMaxCallIdBytes && std::ranges::all_of(id, good);
}

inline Response no_such_call() { return problem(404, "no-such-call", "no call has this id; it may have ended"); }

inline Response ok(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace isthmus::rest
