# `cmake --install`: the daemon in bin, config and units.
include(GNUInstallDirs)

if(TARGET postern)
  install(TARGETS postern RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
# Under the prefix /usr the config belongs in /etc. A config that somebody has edited is never overwritten.
install(CODE "set(example ${PROJECT_SOURCE_DIR}/config/postern.toml)")
install(CODE [[
  set(etc "${CMAKE_INSTALL_PREFIX}/etc/postern")
  if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
    set(etc /etc/postern)
  endif()
  if(EXISTS "${example}" AND NOT EXISTS "$ENV{DESTDIR}${etc}/postern.toml")
    file(INSTALL "${example}" DESTINATION "${etc}")
  endif()
]])
install(FILES ${PROJECT_SOURCE_DIR}/systemd/postern.service ${PROJECT_SOURCE_DIR}/systemd/postern.socket
        DESTINATION lib/systemd/system)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/systemd/static-user DESTINATION ${CMAKE_INSTALL_DATADIR}/postern)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/LICENSE
        DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
