# shellcheck shell=sh
# Runs in a new root, see scripts/package --test: installs the packages that are in /root, and uses them.
set -eux
cd /root

DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ./*.deb

# The libraries, as CMake and pkg-config find them.
for project in find_package find_component; do
  cmake -S "package/$project" -B "build/$project"
  cmake --build "build/$project"
  "build/$project/consumer"
done
# shellcheck disable=SC2046 # the flags are words
g++ -std=c++20 package/main.cpp -o consumer $(pkg-config --cflags --libs fanout)
./consumer
# shellcheck disable=SC2046 # as above
g++ -std=c++20 package/find_component/main.cpp -o consumer $(pkg-config --cflags --libs fanout-tuning)
./consumer

# The tool.
fanout --version
fanout tune --workload sleep --tasks 4 --milliseconds 2 --sizes 1,2 --budget 5s --no-baselines
test "$(printf 'a\nb\n' | fanout run --command 'echo {}' --input-list -)" = "$(printf 'a\nb')"

# Nothing stays behind.
apt-get purge --yes libfanout-dev fanout-tool
leftovers=$(find / -xdev -path /root -prune -o -path /proc -prune -o -name '*fanout*' -print)
test -z "$leftovers" || { echo "Left behind: $leftovers" >&2 && exit 1; }
