"""Makes the whole report with --quick and opens it in headless Chromium: every study is there with
its pictures, nothing is loaded from elsewhere, no error is written to the console, figures and tables
answer, and it can be read at three widths, in both colour schemes and on paper.
Usage: check_report.py PROGRAM FOLDER"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

from playwright.sync_api import Browser, Page, sync_playwright

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
    assert sections == [*STUDIES, *BEYOND, "terms", "methods"], sections
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
    links = page.eval_on_selector_all("main a", "all => all.map(a => a.getAttribute('href'))")
    for link in links:
        if link.startswith("#"):
            assert page.locator(f'[id="{link[1:]}"]').count() == 1, link
        elif not link.startswith("https:"):
            assert (out / link).stat().st_size > 0, link
    figures = page.locator("figure")
    for index in range(figures.count()):
        files = figures.nth(index).locator("figcaption a")
        formats = [files.nth(k).inner_text() for k in range(files.count())]
        assert formats == ["SVG", "PDF", "PNG", "CSV"], formats
        description = figures.nth(index).locator(".drawn desc").text_content()
        assert description and "no marks" not in description, description
    # No picture and no table twice: studies of depth share their searches.
    texts = page.eval_on_selector_all("section table", "all => all.map(one => one.textContent)")
    assert len(texts) == len(set(texts))
    drawn = [page.locator(f"#fig{n} figcaption a[href*=-rates]").count() > 0 for n in (12, 13, 14)]
    assert drawn == [True, False, False], drawn
    return figures.count()


def check_tables(page: Page) -> None:
    """Enter on a heading sorts its table, a second time downwards."""
    heading = page.locator("#fig2 table th").first
    names = lambda: page.evaluate(
        "[...document.querySelector('#fig2 table').tBodies[0].rows].map(row => row.cells[0].textContent)")
    before = names()
    heading.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending" and names() == sorted(before), names()
    heading.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending" and names() == sorted(before)[::-1]


def check_schemes(browser: Browser, page: pathlib.Path) -> None:
    """The page fits its width, shows verdicts and has letters unlike its ground, everywhere."""
    for width in (390, 800, 1400):
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            view = context.new_page()
            view.goto(page.resolve().as_uri())
            wide = view.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, (width, scheme, wide)
            verdict = view.locator("table.forest .verdict").first.bounding_box()
            assert verdict and 0 <= verdict["x"] and verdict["x"] + verdict["width"] <= width, verdict
            ink, ground = view.evaluate(
                "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
            light = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (ink, ground)]
            assert (light[0] < light[1]) == (scheme == "light") and abs(light[0] - light[1]) > 400, light
            context.close()


def check_print(page: Page) -> None:
    """On paper the answer and all claims are on the first page, no figure leaves its page."""
    page.emulate_media(media="print")
    # A4 without margins of 12 mm, in pixels of 1/96 inch.
    page.set_viewport_size({"width": 703, "height": 1031})
    key = page.locator(".key").bounding_box()
    assert key["y"] + key["height"] < 1031, key
    heights = page.eval_on_selector_all("figure", "all => all.map(f => f.getBoundingClientRect().height)")
    assert max(heights) < 1031, max(heights)
    page.emulate_media(media="screen")


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
        check_tables(page)
        check_schemes(browser, out / "report-quick.html")
        check_print(page)
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
