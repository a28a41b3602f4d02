# What `cmake --install` lays down. The prefix may be moved afterwards: nothing in it names an absolute path.
#   include/baton/                  headers
#   lib/                            the library, lib/cmake/baton/ for find_package(baton), lib/pkgconfig/baton.pc
#   bin/batongen                    the generator's launcher
#   share/baton/codegen/batongen/   the generator
#   share/baton/idl/baton/          annotations.idl, for other IDL tools
#   share/doc/baton/                the documentation
include(CMakePackageConfigHelpers)

set(baton_cmake_dir "${CMAKE_INSTALL_LIBDIR}/cmake/baton")
set(baton_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
set(baton_share_dir "${CMAKE_INSTALL_DATADIR}/baton")
set(baton_generated_dir "${PROJECT_BINARY_DIR}/install")

# The path from one directory of the prefix to another.
function(baton_relative_path variable from to)
  file(RELATIVE_PATH path "/prefix/${from}" "/prefix/${to}")
  string(REGEX REPLACE "/$" "" path "${path}")
  set(${variable} "${path}" PARENT_SCOPE)
endfunction()

install(TARGETS baton EXPORT batonTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY core/include/baton transport_inproc/include/baton transport_shm/include/baton
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY codegen/batongen
  DESTINATION "${baton_share_dir}/codegen"
  PATTERN "__pycache__" EXCLUDE
  PATTERN "tests" EXCLUDE)
install(DIRECTORY idl/baton
  DESTINATION "${baton_share_dir}/idl")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}")

# The launcher finds the generator from where it lies itself.
baton_relative_path(baton_bin_to_codegen "${CMAKE_INSTALL_BINDIR}" "${baton_share_dir}/codegen")
configure_file(cmake/batongen.in "${baton_generated_dir}/batongen" @ONLY)
install(PROGRAMS "${baton_generated_dir}/batongen" DESTINATION "${CMAKE_INSTALL_BINDIR}")

# find_package(baton)
install(EXPORT batonTargets NAMESPACE baton:: DESTINATION "${baton_cmake_dir}")
get_target_property(baton_library_type baton TYPE)
set(baton_private_packages "")
if(baton_library_type STREQUAL STATIC_LIBRARY)
  set(baton_private_packages spdlog tomlplusplus) # what a shared library brings along, a static one leaves to its user
endif()
baton_relative_path(baton_cmake_to_codegen "${baton_cmake_dir}" "${baton_share_dir}/codegen")
configure_file(cmake/batonConfig.cmake.in "${baton_generated_dir}/batonConfig.cmake" @ONLY)
write_basic_package_version_file("${baton_generated_dir}/batonConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES
  "${baton_generated_dir}/batonConfig.cmake"
  "${baton_generated_dir}/batonConfigVersion.cmake"
  cmake/BatonGenerate.cmake
  DESTINATION "${baton_cmake_dir}")

# pkg-config --cflags --libs baton
baton_relative_path(baton_pkgconfig_to_prefix "${baton_pkgconfig_dir}" "")
list(JOIN baton_private_packages " " baton_private_modules)
configure_file(cmake/baton.pc.in "${baton_generated_dir}/baton.pc" @ONLY)
install(FILES "${baton_generated_dir}/baton.pc" DESTINATION "${baton_pkgconfig_dir}")
