// A listening socket for the admin server: bind, listen, and the care that socket files need. Control thread.
#pragma once

#include "admin/address.h"

namespace postern::admin {

/// Non-blocking, close-on-exec. `address` gets the port that was given for port 0. A socket file that nobody listens on
/// is replaced; the new one has mode 0660. Throws std::system_error.
int open_listener(SocketAddress& address);

}  // namespace postern::admin
