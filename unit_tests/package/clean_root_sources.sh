# shellcheck shell=sh
# Runs in a new root, see scripts/package --test: builds the sources in /root/fanout with a compiler, CMake, make and
# oneTBB alone, installs them, and uses what is installed.
set -eux
cd /root
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends libtbb-dev
begin=$(date +%s)

cmake -S fanout -B build/fanout
cmake --build build/fanout
: "configured and built in $(($(date +%s) - begin)) s"
build/fanout/examples/quick_start
cmake --install build/fanout --prefix /root/prefix

cmake -S package/find_package -B build/find_package -DCMAKE_PREFIX_PATH=/root/prefix
cmake --build build/find_package
build/find_package/consumer
# shellcheck disable=SC2046 # the flags are words
g++ -std=c++20 package/main.cpp -o consumer $(PKG_CONFIG_PATH=/root/prefix/lib/pkgconfig pkg-config --cflags --libs fanout)
./consumer

# The packages must bring oneTBB along themselves.
rm -r build prefix consumer
apt-get purge --yes --autoremove libtbb-dev
