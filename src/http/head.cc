// Methods by name. Any thread.
#include "http/head.h"

namespace postern::http {

Method method_of(std::string_view token) noexcept {
  switch (token.size()) {
    case 3:
      if (token == "GET") return Method::get;
      if (token == "PUT") return Method::put;
      break;
    case 4:
      if (token == "POST") return Method::post;
      if (token == "HEAD") return Method::head;
      break;
    case 5:
      if (token == "PATCH") return Method::patch;
      if (token == "TRACE") return Method::trace;
      if (token == "QUERY") return Method::query;
      break;
    case 6:
      if (token == "DELETE") return Method::del;
      break;
    case 7:
      if (token == "OPTIONS") return Method::options;
      if (token == "CONNECT") return Method::connect;
      break;
    default:
      break;
  }
  return Method::other;
}

bool is_idempotent(Method method) noexcept {
  switch (method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::del:
    case Method::options:
    case Method::trace:
    case Method::query:
      return true;
    case Method::other:
    case Method::post:
    case Method::connect:
    case Method::patch:
      return false;
  }
  return false;
}

}  // namespace postern::http
