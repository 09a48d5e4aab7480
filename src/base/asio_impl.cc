// The compiled half of Asio, once per engine, so that no other file instantiates it. See src/CMakeLists.txt.
#include <boost/asio/impl/src.hpp>
