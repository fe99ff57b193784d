"""The arithmetic of the reports: medians, spreads, ratios, noise, and how numbers are written."""

import math
import statistics

import bench_data

FANOUT = "fanout"
AGAIN = "fanout_again"  # the same code once more: what differs between the two is noise
BOUNDS = {"lower_bound", "ideal", "in_order"}  # reckoned, not run


def median(series):
    return statistics.median(series)


def quartiles(series):
    if len(series) == 1:
        return series[0], series[0]
    low, _, high = statistics.quantiles(series, n=4, method="inclusive")
    return low, high


def spread_percent(series):
    """Half the distance between the quartiles, in per cent of the median."""
    middle = median(series)
    low, high = quartiles(series)
    return 50 * (high - low) / middle if middle else 0.0


class Ratio:
    """fanout / competitor: the quotient of the medians, and the spread of the quotients of all pairs of repetitions.

    The benchmarks are interleaved at random, so that any repetition of one may be paired with any of the other.
    """

    def __init__(self, fanout, competitor):
        self.value = median(fanout) / median(competitor)
        low, high = quartiles([ours / theirs for ours in fanout for theirs in competitor])
        self.spread = 50 * (high - low) / self.value if self.value else 0.0


def ratio(fanout, competitor):
    """None where one of them is missing, or is a counter of which zero or less is possible."""
    if not fanout or not competitor or min(competitor) <= 0 or min(fanout) < 0:
        return None
    return Ratio(fanout, competitor)


class Table:
    """One question by one measure: series by workload and competitor."""

    def __init__(self, question, measure):
        self.question = question["question"]
        self.measure = measure  # None is time
        self._measurements = {}
        for each in question["measurements"]:
            if measure is None or measure in each["counters"]:
                self._measurements[each["workload"], each["competitor"]] = each
        self.workloads = list(dict.fromkeys(workload for workload, _ in self._measurements))
        self.competitors = self._in_order(dict.fromkeys(competitor for _, competitor in self._measurements))

    def series(self, workload, competitor):
        measurement = self._measurements.get((workload, competitor))
        if measurement is None:
            return []
        return measurement["ns"] if self.measure is None else measurement["counters"][self.measure]

    def ratio(self, workload, competitor):
        return ratio(self.series(workload, FANOUT), self.series(workload, competitor))

    def noise_percent(self, workload):
        """By how much fanout differs from itself: the A/A pair's distance from 1, or its spread; None without one."""
        pair = self.ratio(workload, AGAIN)
        return max(100 * abs(pair.value - 1), pair.spread) if pair else None

    def is_slower(self, workload, competitor):
        """Whether fanout is behind by more than the noise of the pair and of the ratio itself."""
        if competitor in BOUNDS | {FANOUT, AGAIN}:
            return False
        found = self.ratio(workload, competitor)
        return found is not None and 100 * (found.value - 1) > max(found.spread, self.noise_percent(workload) or 0.0)

    def written(self, workload, competitor):
        """The median for people: the time of a task where the program counts tasks for everybody, else of the whole."""
        measurement = self._measurements.get((workload, competitor))
        if measurement is None:
            return "–"
        counters = measurement["counters"]
        if self.measure is not None:
            return write_value(self.measure, median(counters[self.measure]))
        if self._all_count(workload, "ns_per_task"):
            return write_time(median(counters["ns_per_task"])) + "/task"
        if self._all_count(workload, "items_per_second"):
            return write_time(1e9 / median(counters["items_per_second"])) + "/item"
        return write_time(median(measurement["ns"]))

    def _all_count(self, workload, counter):
        here = [each for (where, _), each in self._measurements.items() if where == workload]
        return all(min(each["counters"].get(counter, [0])) > 0 for each in here)

    def _in_order(self, competitors):
        """fanout, its second self, the others by their time, fastest first, and the bounds."""
        def key(competitor):
            if competitor in (FANOUT, AGAIN):
                return 0, 0.0, competitor
            ratios = [self.ratio(workload, competitor) for workload in self.workloads]
            logs = [math.log(each.value) for each in ratios if each and each.value > 0]
            return (2 if competitor in BOUNDS else 1), (-statistics.mean(logs) if logs else math.inf), competitor
        return sorted(competitors, key=key)


def measures(question):
    """Time and the counters that measure something; what the question is about comes first.

    No rates, which are time in other words, and no counter that is one number throughout: it describes the work.
    """
    values = {}
    for each in question["measurements"]:
        for name, series in each["counters"].items():
            values.setdefault(name, set()).update(series)
    found = [None] + sorted(name for name in values if not name.endswith("_per_second") and name != "ns_per_task"
                            and len(values[name]) > 1)
    first = bench_data.QUESTIONS.get(question["question"], ("", None))[1]
    if first is not None:
        found.sort(key=lambda measure: measure is None or first not in measure)
    return found


def tables(question):
    return [Table(question, measure) for measure in measures(question)]


def losses(report):
    """Where fanout is slower beyond the noise: (question, workload, competitor, ratio, noise), the worst first."""
    found = []
    for question in report["questions"]:
        table = tables(question)[0]
        for workload in table.workloads:
            for competitor in table.competitors:
                if table.is_slower(workload, competitor):
                    found.append((table.question, workload, competitor, table.ratio(workload, competitor),
                                  table.noise_percent(workload)))
    return sorted(found, key=lambda each: -each[3].value)


# ---- Numbers as text ----

def significant(value, digits=3):
    """Three digits that count, never with an exponent: 0.0123, 1.23, 12.3, 1,230."""
    if value == 0:
        return "0"
    value = float(f"{value:.{digits - 1}e}")  # or 9.999 would be 10.00
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 9)}f}"


def write_ratio(value):
    """To a thousandth near 1, where the targets are."""
    return f"{value:.3f}" if 0.1 <= value < 10 else significant(value, 2 if value < 1 else 3)


def write_scaled(value, units):
    """units: (factor, name) from small to large."""
    factor, name = units[0]
    for larger in units[1:]:
        if abs(value) >= larger[0] * 0.9995:  # what would be written as 1000 of the smaller unit is 1 of this
            factor, name = larger
    return f"{significant(value / factor)} {name}"


def write_time(nanoseconds):
    return write_scaled(nanoseconds, ((1, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")))


def write_value(measure, value):
    if "bytes" in measure:
        return write_scaled(value, ((1, "B"), (2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB")))
    if measure.startswith("ns_") or measure.endswith("_ns"):
        return write_time(value)
    return significant(value)


def measure_title(measure):
    return "time" if measure is None else measure.replace("_", " ")


def competitor_title(competitor):
    return "fanout again (A/A)" if competitor == AGAIN else competitor
