#!/usr/bin/env python3
"""Looks at the page of `fanout tune --report` as a browser does: page_test.py FANOUT.

At the width of a telephone and of a desk, in light and in dark: nothing is wider than the window, no text of a chart is cut
off or lies over the curve or another text, no error on the console, no request to the network. Ends with 77 where Chromium is missing, which ctest calls skipped.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
]

# Tells what cannot be seen from outside: the page itself has no script.
PROBE = """<script>
const box = element => element.getBoundingClientRect();
const meet = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom - 2
  && other.top < one.bottom - 2;
const faults = () => [...document.querySelectorAll('svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')];
  const curve = [...svg.querySelectorAll('g line, circle')];
  const whole = box(svg);
  return texts.flatMap((text, index) => {
    const own = box(text);
    const cut = own.left < whole.left || own.right > whole.right || own.top < whole.top - 2 || own.bottom > whole.bottom + 2;
    return (cut ? ['cut off: ' + text.textContent] : [])
      .concat(texts.slice(0, index).filter(other => meet(own, box(other))).map(
        other => text.textContent + ' over ' + other.textContent))
      .concat(curve.some(part => meet(own, box(part))) ? [text.textContent + ' over the curve'] : []);
  });
});
addEventListener('load', () => {
  const page = document.documentElement;
  parent.postMessage(JSON.stringify({
    fits: page.scrollWidth <= innerWidth, width: innerWidth, charts: document.querySelectorAll('svg path').length,
    faults: faults(), levels: document.querySelectorAll('svg .level').length,
    asked: performance.getEntriesByType('resource').map(entry => entry.name),
    paper: getComputedStyle(document.body).backgroundColor}), '*');
});
</script>"""

# A window of Chromium is 500 pixels wide at least; a frame may be a telephone.
FRAME = """<!DOCTYPE html><meta name="color-scheme" content="light dark"><title></title>
<script>addEventListener('message', message => { document.title = message.data; });</script>
<iframe style="border: 0" width="WIDTH" height="1600" src="report.html"></iframe>"""


def fail(text):
    print(text)
    sys.exit(1)


def look(browser, width, dark, place):
    frame = place / "frame.html"
    frame.write_text(FRAME.replace("WIDTH", str(width)))
    command = [
        browser, *FLAGS, f"--user-data-dir={place / 'profile'}", f"--window-size={width + 100},1700",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", frame.as_uri(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if run.returncode != 0:
        fail(f"Chromium ended with {run.returncode}:\n{run.stderr}")
    console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    if console:
        fail("on the console:\n" + "\n".join(console))
    title = re.search(r"<title>(.*?)</title>", run.stdout, re.S)
    if title is None:
        fail("the page has no title")
    return json.loads(title.group(1).replace("&quot;", '"'))


def main():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("skipped: Chromium is missing")
        return 77
    with tempfile.TemporaryDirectory() as directory:
        place = pathlib.Path(directory)
        page = place / "report.html"
        subprocess.run(
            [sys.argv[1], "tune", "--workload", "sleep", "--tasks", "8", "--milliseconds", "2", "--sizes", "1,2,3,4,6,8,12,16",
             "--budget", "4s", "--name", "a workload with a long name, <script>alert('x')</script> and all", "--report", page],
            check=True, stdout=subprocess.DEVNULL)
        text = page.read_text()
        if text.count("</body>") != 1:
            fail("the page has no end")
        page.write_text(text.replace("</body>", PROBE + "</body>"))
        papers = set()
        for width in (390, 1280):
            for dark in (False, True):
                seen = look(browser, width, dark, place)
                print(width, "dark" if dark else "light", seen)
                if not seen["fits"]:
                    fail(f"something is wider than the window of {width} pixels")
                # Of the page alone: the browser asks its maker for this and that, too.
                if seen["asked"]:
                    fail(f"it asked for {seen['asked']}")
                if seen["width"] != width:
                    fail(f"it was shown at {seen['width']} pixels, not at {width}")
                if seen["charts"] != 2:
                    fail(f"{seen['charts']} charts were drawn, not 2")
                if seen["faults"]:
                    fail(f"in the charts: {seen['faults']}")
                if seen["levels"] != 2:
                    fail(f"{seen['levels']} baselines are named, not 2")
                papers.add((dark, seen["paper"]))
        if len({paper for _, paper in papers}) != 2:
            fail(f"light and dark look alike: {papers}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
