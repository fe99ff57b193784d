// Many queries on four connections to an SQLite database. Each task has a connection to itself, and what one leaves
// behind does not reach the next.
#include <fanout/fanout.hpp>

#include <sqlite3.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// A connection to a file. SQLite's own lock is off (NOMUTEX), because a lease has one holder.
class connection {
 public:
  explicit connection(const std::string& path) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &opened,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(opened);  // to be closed also where it could not be opened
    check(code);
    sqlite3_busy_timeout(opened, 5'000);  // while another connection writes
  }

  void execute(const char* sql) { check(sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr)); }

  /// The number in the first row. `sql` has one parameter or none.
  long number(const char* sql, long parameter = 0) {
    sqlite3_stmt* prepared = nullptr;
    check(sqlite3_prepare_v2(handle_.get(), sql, -1, &prepared, nullptr));
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(prepared, &sqlite3_finalize);
    if (sqlite3_bind_parameter_count(prepared) > 0) check(sqlite3_bind_int64(prepared, 1, parameter));
    if (sqlite3_step(prepared) != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(handle_.get()));
    return static_cast<long>(sqlite3_column_int64(prepared, 0));
  }

  bool answers() { return number("SELECT 1") == 1; }

  void roll_back() {
    if (sqlite3_get_autocommit(handle_.get()) == 0) execute("ROLLBACK");
  }

 private:
  void check(int code) const {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle_.get()));
  }

  std::unique_ptr<sqlite3, decltype(&sqlite3_close)> handle_{nullptr, &sqlite3_close};
};

/// An empty file, which is removed at the end.
struct temporary_file {
  temporary_file() {
    const int descriptor = mkstemp(path.data());
    if (descriptor < 0) throw std::runtime_error("no temporary file can be made");
    close(descriptor);
  }
  ~temporary_file() { std::remove(path.c_str()); }

  std::string path = std::filesystem::temp_directory_path() / "fanout-pool-XXXXXX";
};

void fill(fanout::resource_pool<connection>& pool) {
  fanout::lease<connection> lent = pool.acquire_for(std::chrono::seconds(5));
  try {
    lent->execute(
        "BEGIN; CREATE TABLE orders(customer INTEGER, cents INTEGER); CREATE INDEX by_customer ON orders(customer);"
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
        "INSERT INTO orders SELECT i % 100, i FROM n; COMMIT");
  } catch (const std::runtime_error&) {
    lent.discard();  // whatever is wrong with this connection, nobody gets it again
    throw;
  }
}

int run(const std::string& path) {
  fanout::resource_pool<connection> pool([&] { return connection(path); }, 4,
                                         {.validate = &connection::answers, .reset = &connection::roll_back});
  fill(pool);

  // A query for each customer, four at once.
  const std::vector<long> sums =
      fanout::map_with_pool(std::views::iota(0L, 100L), pool, [](long customer, connection& database) {
        return database.number("SELECT sum(cents) FROM orders WHERE customer = ?", customer);
      });

  // Tasks of different kinds. The second leaves its transaction open: the reset rolls it back.
  const std::vector<std::function<long(connection&)>> tasks = {
      [](connection& database) { return database.number("SELECT count(*) FROM orders"); },
      [](connection& database) {
        database.execute("BEGIN; DELETE FROM orders");
        return database.number("SELECT count(*) FROM orders");
      },
  };
  const std::vector<long> answers = fanout::execute_with_pool(tasks, pool);
  const long rows = pool.acquire()->number("SELECT count(*) FROM orders");

  const fanout::pool_statistics figures = pool.statistics();
  std::printf("customer 7 ordered for %ld cents; %zu leases of %zu connections\n", sums[7], figures.acquired_total,
              figures.created);
  return sums[7] == 495'700 && answers == std::vector<long>{10'000, 0} && rows == 10'000 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  return argc > 1 ? run(argv[1]) : run(temporary_file().path);
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
