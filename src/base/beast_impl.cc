// The compiled half of Beast (admin server, control-plane client), once per engine. See src/CMakeLists.txt.
#include <boost/beast/src.hpp>
