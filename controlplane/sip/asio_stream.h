#pragma once

// A TCP connection. Inside of the folder.

#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include "controlplane/sip/network.h"

namespace isthmus::sip {

std::unique_ptr<Stream> make_accepted_stream(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Stream> make_connecting_stream(boost::asio::io_context& context, const SocketAddress& local,
                                               const SocketAddress& remote);

}  // namespace isthmus::sip
