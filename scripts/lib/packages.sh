# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are for those who source this
# What fanout needs from Debian 12, and why. Source it, then call install_packages with the names of lists.

# The library and its command-line tool.
tool_packages=(
  g++                 # the compiler: C++20
  cmake               # the build system
  ninja-build         # the build program that the presets name
  libtbb-dev          # oneTBB, the scheduler below fanout
  libcli11-dev        # the tool's command line
  libfmt-dev          # the tool's tables
  nlohmann-json3-dev  # the reports of fanout::tuning, the tool's --format json
  libzstd-dev         # the tool's workload "compress"
)

# What the tests and examples need beyond that: all that scripts/test installs.
test_packages=(
  libgtest-dev        # GoogleTest
  relacy-dev          # the model checker of the tests
  libsqlite3-dev      # the example of a pool, whose resources are connections
  pkg-config          # the test of fanout.pc
  python3             # the test of the pages
)

# What scripts/bench needs beyond both.
bench_packages=(
  libbenchmark-dev    # Google Benchmark, for the programs in perf/
  libasio-dev         # Asio, whose thread_pool is one of the competitors in perf/
)

# What scripts/test --all and scripts/matrix need beyond that.
check_packages=(
  binutils            # nm, for the test of what the shared library exports
  dpkg-dev            # the test of the Debian packages …
  file                # … which CPack makes with both
  clang-19            # a second compiler; Debian's default clang 14 cannot compile the views of libstdc++ 12
  libc++-19-dev       # another standard library, for the test headers.libc++-19
  libclang-rt-19-dev  # libFuzzer and the sanitizers of clang 19, for scripts/fuzz and the preset tsan
  llvm-19             # llvm-symbolizer: names and lines in what a sanitizer reports
  clang               # clang 14, because clang-tidy 14 lints what its own compiler accepts
  clang-tidy          # the linter
  chromium            # looks at the page of fanout tune
  doxygen             # the reference of the public interface
  node-p-map          # runs the JavaScript of docs/coming-from.md, where there is a node
)

# The libraries that the adapters give fanout's threads to, for their tests, examples and benchmarks: scripts/test --all.
host_packages=(
  libopencv-imgproc-dev # OpenCV: images and their filters
  libfftw3-dev          # FFTW: Fourier transforms
  libopenexr-dev        # OpenEXR: files of images
  libeigen3-dev         # Eigen: matrices and tensors
)

# What scripts/coverage needs beyond tool_packages and test_packages.
coverage_packages=(
  gcovr               # sums up what gcov counted
)

# What scripts/package needs beyond tool_packages.
package_packages=(
  dpkg-dev            # what the tool depends on, from the libraries that it is linked to
  file                # tells CPack what is a program
  lintian             # looks at the packages
  mmdebstrap          # the root in which they are installed
)

# What scripts/peers needs to get and build the libraries that Debian does not have.
peer_packages=(
  git                 # their sources …
  ca-certificates     # … over https
  g++                 # as above
  cmake
  ninja-build
)

# What other systems call the same.
in_other_words='a C++20 compiler (g++ 12 or newer, or clang, 14 for the library and 16 for all tests), CMake 3.22 or
newer, Ninja, oneTBB, CLI11, fmt, nlohmann-json and zstd; for the tests and examples also GoogleTest, Relacy, SQLite, Python 3
and pkg-config; for the benchmarks Google Benchmark and Asio; for all checks clang++-19, clang-tidy and Doxygen'

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

# install_packages NAME…: installs those that are missing, and says which.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    printf 'This is not a Debian system, so nothing is installed. Needed are: %s.\n' "$in_other_words"
    return
  fi

  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    echo 'Every package that is needed is there.'
    return
  fi

  echo "Installing from Debian: ${missing[*]}"
  if [[ $(id -u) -ne 0 ]] && ! command -v sudo >/dev/null; then
    printf 'This takes root or sudo. As root, run:\n  apt-get install %s\n' "${missing[*]}" >&2
    return 1
  fi
  as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install --yes -qq --no-install-recommends "${missing[@]}" >/dev/null
}
