// Text that is wiped when it goes (a private key's PEM). Never printed; movable, not copyable. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::crypto {

class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view text) : text_(text) {}
  ~SecretText() { wipe(); }
  SecretText(SecretText&& other) noexcept { swap(other); }
  SecretText& operator=(SecretText&& other) noexcept {
    swap(other);
    return *this;
  }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  std::string_view reveal() const noexcept { return text_; }
  std::string& buffer() noexcept { return text_; }

 private:
  void swap(SecretText& other) noexcept { text_.swap(other.text_); }
  void wipe() noexcept;

  std::string text_;
};

}  // namespace postern::crypto
