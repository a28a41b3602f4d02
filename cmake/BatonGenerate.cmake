# baton_generate(<target> IDL <files>... [BASE_DIR <dir>] [INCLUDE_DIRS <dirs>...] [OPTIONS <options>...])
#
# Makes <target>, a library of the C++ headers that batongen writes for the IDL files; link it to use them. The headers
# are its FILE_SET HEADERS: install(TARGETS <target> FILE_SET HEADERS) installs them.
# idl/sensors/imu.idl under BASE_DIR idl becomes #include "sensors/imu.hpp". BASE_DIR is by default the folder idl/
# beside the calling CMakeLists.txt if all files are in it, else the folder of that CMakeLists.txt.
#
# INCLUDE_DIRS are the folders in which batongen (-I) looks for the files that IDL files include. The header of a file
# includes the headers of the files that it includes, so each of those needs its header too: list it in the same
# baton_generate, or link the target that generates it:
#
#   baton_generate(geometry IDL geometry/idl/pose.idl BASE_DIR geometry/idl)
#   baton_generate(robot IDL robot/idl/arm.idl BASE_DIR robot/idl INCLUDE_DIRS geometry/idl)  # arm includes "pose.idl"
#   target_link_libraries(robot INTERFACE geometry)
#
# OPTIONS go to batongen as they are: -D NAME, -Wno-NAME, -Werror; `batongen --help` lists them.
#
# Tables (@baton(layout="table")) need the compiler of FlatBuffers, flatc; -DBATON_FLATC=/path/to/flatc chooses one. It has
# to be of the version of the FlatBuffers headers that the program is compiled with.
#
# The generator needs a Python 3 with Jinja2. It is looked for on this machine, also when the build is
# for another one; -DBATON_PYTHON=/path/to/python3 chooses one.

cmake_policy(PUSH)
cmake_policy(VERSION 3.25)

# The folder with the Python package `batongen`. An installed baton sets it before including this file.
if(NOT DEFINED BATON_CODEGEN_DIR)
  get_filename_component(BATON_CODEGEN_DIR "${CMAKE_CURRENT_LIST_DIR}/../codegen" ABSOLUTE)
endif()
# Functions see the variables of their caller, who may be in a scope that this file's variables do not reach.
set_property(GLOBAL PROPERTY BATON_CODEGEN_DIR "${BATON_CODEGEN_DIR}")

# Sets BATON_PYTHON in the cache. The first python3 on PATH is often one of pyenv or a virtual environment, without the
# distribution's packages, so every candidate is asked.
function(_baton_find_python)
  set(wanted "import sys, jinja2; assert sys.version_info >= (3, 10)")
  if(BATON_PYTHON)
    set(candidates "${BATON_PYTHON}")
  else()
    set(candidates "")
    find_program(first_python NAMES python3 NO_CACHE NO_CMAKE_FIND_ROOT_PATH)
    foreach(candidate IN ITEMS "${first_python}" /usr/bin/python3 /usr/local/bin/python3 /bin/python3)
      if(candidate AND EXISTS "${candidate}")
        list(APPEND candidates "${candidate}")
      endif()
    endforeach()
    list(REMOVE_DUPLICATES candidates)
  endif()
  foreach(candidate IN LISTS candidates)
    execute_process(COMMAND "${candidate}" -c "${wanted}" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(NOT failed)
      set(BATON_PYTHON "${candidate}" CACHE FILEPATH "The Python 3 with Jinja2 that runs batongen")
      set_property(GLOBAL PROPERTY BATON_PYTHON_CHECKED "${candidate}")
      return()
    endif()
  endforeach()
  string(JOIN ", " tried ${candidates})
  message(FATAL_ERROR
    "baton_generate: found no Python (3.10 or newer) that can import jinja2; tried: ${tried}\n"
    "Install it (apt-get install python3-jinja2), or name one that has it: -DBATON_PYTHON=/path/to/python3")
endfunction()

function(baton_generate target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "BASE_DIR" "IDL;INCLUDE_DIRS;OPTIONS")
  if(arg_UNPARSED_ARGUMENTS MATCHES "\\.idl(;|$)")
    string(JOIN " " arguments ${arg_UNPARSED_ARGUMENTS})
    message(FATAL_ERROR "baton_generate(${target}): write IDL before the files: "
      "baton_generate(${target} IDL ${arguments})")
  endif()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "baton_generate(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_IDL)
    message(FATAL_ERROR "baton_generate(${target}): name the files: baton_generate(${target} IDL file.idl...)")
  endif()
  get_property(checked GLOBAL PROPERTY BATON_PYTHON_CHECKED)
  if(NOT checked OR NOT checked STREQUAL "${BATON_PYTHON}")
    _baton_find_python()
  endif()
  get_property(codegen_dir GLOBAL PROPERTY BATON_CODEGEN_DIR)
  # Not found is no error here: only tables need it, and batongen says so.
  find_program(BATON_FLATC flatc NO_CMAKE_FIND_ROOT_PATH DOC "The compiler of FlatBuffers, for tables")
  if(BATON_FLATC)
    set(flatc "${BATON_FLATC}")
  else()
    set(flatc flatc)
  endif()
  set(flatc_file "")
  if(EXISTS "${flatc}")
    set(flatc_file "${flatc}")  # a newer one makes other code
  endif()

  set(files "")
  foreach(file IN LISTS arg_IDL)
    get_filename_component(file "${file}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT EXISTS "${file}")
      message(FATAL_ERROR "baton_generate(${target}): there is no file ${file}")
    endif()
    if(IS_DIRECTORY "${file}")
      message(FATAL_ERROR "baton_generate(${target}): ${file} is a folder; name the IDL files in it")
    endif()
    list(APPEND files "${file}")
  endforeach()

  if(arg_BASE_DIR)
    get_filename_component(base_dir "${arg_BASE_DIR}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    if(NOT IS_DIRECTORY "${base_dir}")
      message(FATAL_ERROR "baton_generate(${target}): the folder ${base_dir}, its BASE_DIR, does not exist")
    endif()
  else()
    set(base_dir "${CMAKE_CURRENT_SOURCE_DIR}/idl")
    foreach(file IN LISTS files)
      cmake_path(IS_PREFIX base_dir "${file}" NORMALIZE inside)
      if(NOT inside)
        set(base_dir "${CMAKE_CURRENT_SOURCE_DIR}")
        break()
      endif()
    endforeach()
  endif()

  set(out_dir "${CMAKE_CURRENT_BINARY_DIR}/${target}_generated")
  set(headers "")
  foreach(file IN LISTS files)
    cmake_path(IS_PREFIX base_dir "${file}" NORMALIZE inside)
    if(NOT inside)
      message(FATAL_ERROR "baton_generate(${target}): ${file} is not under ${base_dir}, so its header has no path; "
        "give a BASE_DIR that contains it")
    endif()
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${base_dir}" OUTPUT_VARIABLE relative)
    cmake_path(REPLACE_EXTENSION relative LAST_ONLY hpp)
    list(APPEND headers "${out_dir}/${relative}")
  endforeach()

  # Files with tables have a second header. Which ones do is known once batongen has run; until then, those that mention
  # the layout. CMake runs again when batongen finds the list to be another one.
  set(table_headers "${out_dir}/.table-headers")
  if(NOT EXISTS "${table_headers}")
    set(guess "")
    foreach(file header IN ZIP_LISTS files headers)
      file(STRINGS "${file}" mentions REGEX "layout[ \t]*=[ \t]*\"table\"" LIMIT_COUNT 1)
      if(mentions)
        cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${out_dir}")
        cmake_path(REPLACE_EXTENSION header LAST_ONLY fb.hpp)
        list(APPEND guess "${header}")
      endif()
    endforeach()
    list(SORT guess)
    list(TRANSFORM guess APPEND "\n")
    string(JOIN "" guess ${guess})
    file(WRITE "${table_headers}" "${guess}")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${table_headers}")
  file(STRINGS "${table_headers}" listed)
  list(TRANSFORM listed PREPEND "${out_dir}/")
  list(APPEND headers ${listed})

  set(include_options "")
  foreach(directory IN LISTS arg_INCLUDE_DIRS)
    get_filename_component(directory "${directory}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(APPEND include_options -I "${directory}")
  endforeach()

  # The stamp is the output that is compared by age, for unchanged headers keep theirs. The depfile names everything
  # that batongen read: IDL files, included ones too, and its own sources and templates.
  file(MAKE_DIRECTORY "${out_dir}")
  set(stamp "${out_dir}/.stamp")
  add_custom_command(
    OUTPUT "${stamp}"
    BYPRODUCTS ${headers}
    COMMAND "${CMAKE_COMMAND}" -E env "PYTHONPATH=${codegen_dir}" "PYTHONPYCACHEPREFIX=${CMAKE_BINARY_DIR}/CMakeFiles/batongen"
      "${BATON_PYTHON}" -m batongen --base-dir "${base_dir}" ${include_options} ${arg_OPTIONS} --out "${out_dir}"
      --flatc "${flatc}" --table-headers "${table_headers}" --depfile "${out_dir}/.depfile" --stamp "${stamp}" ${files}
    DEPENDS ${files} ${flatc_file} "${codegen_dir}/batongen/__init__.py"
    DEPFILE "${out_dir}/.depfile"
    COMMENT "batongen: ${target}"
    VERBATIM)
  add_custom_target(${target}_batongen DEPENDS "${stamp}")

  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_batongen)
  target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${out_dir}" FILES ${headers})
  target_compile_features(${target} INTERFACE cxx_std_20)
  target_link_libraries(${target} INTERFACE baton::baton)
endfunction()

cmake_policy(POP)
