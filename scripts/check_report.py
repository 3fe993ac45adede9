"""Makes the whole report with --quick and opens it in headless Chromium: every study is there with
its pictures, nothing is loaded from elsewhere, no error is written to the console, and the figures
answer. Usage: check_report.py PROGRAM FOLDER"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

from playwright.sync_api import Page, sync_playwright

STUDIES = ["fig2", "fig3", "fig4", "table", *(f"fig{n}" for n in range(5, 16))]
BEYOND = ["noise", "batch", "tails", "depth", "unclipped", "blocks"]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync"]


def reproduce(program: str, folder: pathlib.Path) -> float:
    """Seconds that it took: printed, not judged."""
    start = time.monotonic()
    command = [program, "reproduce", "all", "--quick", "--quiet",
               "--store", str(folder / "store"), "--out", str(folder / "out")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def stamps(store: pathlib.Path) -> dict[pathlib.Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file()}


def check_contents(page: Page, out: pathlib.Path) -> int:
    """Every study has a section, every section but the table's a picture that was drawn."""
    sections = page.eval_on_selector_all("section[id]", "all => all.map(s => s.id)")
    assert sections == [*STUDIES, *BEYOND, "methods"], sections
    for study in STUDIES + BEYOND:
        drawn = page.locator(f"#{study} figure .drawn svg")
        assert (drawn.count() == 0) == (study == "table"), study
        assert page.locator(f"#{study} >> text=nothing to draw").count() == 0, study
        for index in range(drawn.count()):
            box = drawn.nth(index).bounding_box()
            assert box and box["width"] > 300 and box["height"] > 150, (study, box)
    claims = json.loads((out / "report-quick.json").read_text())["rows"]
    rows = page.locator("table.forest tbody tr:not(.group)")
    composites = page.locator("table:not(.forest)").first.locator("tbody tr")
    assert rows.count() + composites.count() == len(claims) > 40, (rows.count(), composites.count())
    for link in page.eval_on_selector_all("table.forest a", "all => all.map(a => a.getAttribute('href'))"):
        assert page.locator(link).count() == 1, link
    for link in page.eval_on_selector_all("section li a", "all => all.map(a => a.getAttribute('href'))"):
        assert (out / link).stat().st_size > 0, link
    return page.locator("figure").count()


def check_answers(page: Page) -> tuple[int, float]:
    """The first figure changes its scale, hides a curve and shows values; a step and Adam's loss."""
    figure = page.locator("figure").first
    figure.scroll_into_view_if_needed()
    button = figure.locator("button")
    assert button.inner_text() == "linear scale"
    button.click()
    assert figure.locator(".linear").is_visible() and not figure.locator(".drawn").is_visible()
    button.click()
    assert figure.locator(".drawn").is_visible()

    adam = figure.locator(".drawn .series[data-name=Adam]").first
    entry = figure.locator(".drawn .entry[data-name=Adam]")
    entry.click()
    assert not adam.is_visible()
    entry.press("Enter")
    assert adam.is_visible()

    box = figure.locator(".drawn .panel").first.bounding_box()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    lines = page.locator(".tip").inner_text().splitlines()
    assert lines[0].startswith("x = ") and any(line.startswith("Adam: ") for line in lines), lines
    # The value under the pointer is one that was drawn: compare with the figure's own numbers.
    step = round(float(lines[0].removeprefix("x = ")))
    shown = next(float(line.removeprefix("Adam: ")) for line in lines if line.startswith("Adam"))
    return step, shown


def main() -> None:
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    first = reproduce(program, folder)
    written = stamps(folder / "store")
    second = reproduce(program, folder)
    assert stamps(folder / "store") == written, "the second run computed something"
    out = folder / "out"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    problems = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("request", lambda request: problems.append(f"request: {request.url}")
                if not request.url.startswith(("file:", "data:")) else None)
        page.goto((out / "report-quick.html").resolve().as_uri())
        figures = check_contents(page, out)
        step, shown = check_answers(page)
        page.pdf(path=str(folder / "report.pdf"))
        browser.close()
    rows = [line.rsplit(",", 4) for line in (out / "fig2-quick.csv").read_text().splitlines()[1:]]
    center = {float(x): float(y) for panel, series, member, x, y in rows
              if panel == rows[0][0] and series == "Adam" and member == "center"}
    near = [y for x, y in center.items() if abs(x - step) < 1 and abs(y / shown - 1) < 0.02]
    assert near, (step, shown)
    assert not problems, problems
    assert (folder / "report.pdf").stat().st_size > 100_000
    print(f"{figures} figures; first run {first:.0f} s, second {second:.1f} s")


if __name__ == "__main__":
    main()
