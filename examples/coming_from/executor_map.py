"""The same in Python, with the standard library's thread pool."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

lock = threading.Lock()
in_flight = most_in_flight = fetched = 0


def fetch(url):
    global in_flight, most_in_flight, fetched
    with lock:
        in_flight += 1
        most_in_flight = max(most_in_flight, in_flight)
    time.sleep(0.02)
    with lock:
        in_flight -= 1
        fetched += 1
    if url == "/missing":
        raise LookupError("there is no /missing")
    return f"text of {url}"


def fetch_all(urls):
    with ThreadPoolExecutor(max_workers=4) as four:
        return list(four.map(fetch, urls))


def main():
    global fetched
    urls = [f"/page/{i}" for i in range(24)]
    assert fetch_all(urls) == [f"text of {url}" for url in urls]
    assert most_in_flight == 4, most_in_flight

    urls[2] = "/missing"
    fetched = 0
    try:
        fetch_all(urls)
    except LookupError as error:
        assert str(error) == "there is no /missing"
    else:
        raise AssertionError("no exception")
    assert in_flight == 0  # leaving the block waits for what had begun
    assert fetched < len(urls)  # what had not begun was cancelled


main()
