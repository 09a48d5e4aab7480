// DNS answers for tests, byte by byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::discovery {

class DnsMessage {
 public:
  DnsMessage(std::string_view question, std::uint16_t type, std::uint16_t id = 1, std::uint8_t code = 0) {
    put16(id);
    put16(static_cast<std::uint16_t>(0x8180 | code));  // an answer; recursion wanted and had
    put16(1);
    for (int i = 0; i < 3; ++i) put16(0);
    put_name(question);
    put16(type);
    put16(1);
  }

  void record(std::uint16_t type, std::uint32_t ttl, const std::vector<std::uint8_t>& data) {
    put16(0xc00c);  // the question's name
    put16(type);
    put16(1);
    put16(static_cast<std::uint16_t>(ttl >> 16));
    put16(static_cast<std::uint16_t>(ttl));
    put16(static_cast<std::uint16_t>(data.size()));
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    if (++bytes_[7] == 0) ++bytes_[6];
  }
  void a(std::initializer_list<int> address, std::uint32_t ttl) {
    std::vector<std::uint8_t> data;
    for (const int byte : address) data.push_back(static_cast<std::uint8_t>(byte));
    record(1, ttl, data);
  }
  void srv(std::uint16_t priority, std::uint16_t weight, std::uint16_t port, std::string_view host, std::uint32_t ttl) {
    std::vector<std::uint8_t> data;
    for (const std::uint16_t number : {priority, weight, port}) {
      data.push_back(static_cast<std::uint8_t>(number >> 8));
      data.push_back(static_cast<std::uint8_t>(number));
    }
    add_name(data, host);
    record(33, ttl, data);
  }
  void cname(std::string_view host, std::uint32_t ttl) {
    std::vector<std::uint8_t> data;
    add_name(data, host);
    record(5, ttl, data);
  }

  /// Where the next record's data will stand.
  [[nodiscard]] std::size_t next_data() const { return bytes_.size() + 12; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void put16(std::uint16_t number) {
    bytes_.push_back(static_cast<std::uint8_t>(number >> 8));
    bytes_.push_back(static_cast<std::uint8_t>(number));
  }
  void put_name(std::string_view name) { add_name(bytes_, name); }
  static void add_name(std::vector<std::uint8_t>& out, std::string_view name) {
    while (!name.empty()) {
      const std::string_view label = name.substr(0, name.find('.'));
      out.push_back(static_cast<std::uint8_t>(label.size()));
      out.insert(out.end(), label.begin(), label.end());
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    out.push_back(0);
  }

  std::vector<std::uint8_t> bytes_;
};

}  // namespace postern::discovery
