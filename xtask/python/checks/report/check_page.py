"""Pages in a real browser: nothing overlaps, leaves its drawing, scrolls sideways or is too faint.

Each page at 1400, 800 and 400 pixels, light and dark, with every choice of an axis and everything unfolded, and as it
is printed on A4. Looks for messages in the console and requests to anywhere; for texts of a drawing that meet each
other, leave it or are smaller than 11 pixels (10 on paper); for text of the page below 10 pixels; for points outside of
their plot; for text whose contrast is below 4.5 (3 where it is large); for tables whose first column doesn't stay; and
for tables that paper cuts.

    cargo xtask compare page REPORT_HTML … [--chromium /usr/bin/chromium] [--screenshots FOLDER]

Needs Playwright and a Chromium. `--screenshots` also draws each page as people with three kinds of colour blindness
see it, and as PDF: look at them.
"""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTHS = [1400, 800, 400]
# A4 less margins of 12 mm, and the least size of a text on it.
PAPER = 703
LEAST_ON_PAPER = 9.9
SCHEMES = ["light", "dark"]
BLINDNESS = ["protanopia", "deuteranopia", "tritanopia"]

# Everything that is measured in the page; gives a list of lines.
MEASURE = r"""
(least) => {
  const problems = [];
  const visible = element => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== 'hidden';
  };
  const name = svg => svg.getAttribute('aria-label') + (svg.classList.contains('narrow') ? ' (narrow)' : '');

  // Corners of a text on the screen, also where it is turned.
  const corners = text => {
    const box = text.getBBox(), matrix = text.getScreenCTM();
    return [[box.x, box.y], [box.x + box.width, box.y], [box.x + box.width, box.y + box.height], [box.x, box.y + box.height]]
      .map(([x, y]) => [matrix.a * x + matrix.c * y + matrix.e, matrix.b * x + matrix.d * y + matrix.f]);
  };
  // How deep two convex shapes reach into each other: the least over the axes of their sides.
  const depth = (one, two) => {
    let least = Infinity;
    for (const shape of [one, two]) for (let i = 0; i < shape.length; i++) {
      const [ax, ay] = shape[i], [bx, by] = shape[(i + 1) % shape.length];
      const length = Math.hypot(bx - ax, by - ay) || 1, nx = (by - ay) / length, ny = (ax - bx) / length;
      const span = points => { const along = points.map(([x, y]) => x * nx + y * ny); return [Math.min(...along), Math.max(...along)]; };
      const [a, b] = span(one), [c, d] = span(two);
      least = Math.min(least, Math.min(b, d) - Math.max(a, c));
    }
    return least;
  };

  const parsed = colour => {
    const numbers = (colour.match(/[\d.]+(?:e-?\d+)?/g) || []).map(Number);
    if (colour.startsWith('color(srgb')) return [numbers[0] * 255, numbers[1] * 255, numbers[2] * 255, numbers[3] ?? 1];
    return [numbers[0] || 0, numbers[1] || 0, numbers[2] || 0, numbers.length > 3 ? numbers[3] : (colour === 'transparent' ? 0 : 1)];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = parsed(getComputedStyle(at).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, two) => {
    const [a, b] = [light(one), light(two)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };

  if (document.documentElement.scrollWidth > innerWidth)
    problems.push(`the page scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth} pixels`);

  for (const svg of document.querySelectorAll('svg.chart')) {
    if (!visible(svg)) continue;
    const frame = svg.getBoundingClientRect();
    const scale = frame.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')].filter(visible);
    const shapes = texts.map(corners);
    texts.forEach((text, i) => {
      const size = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (size < least) problems.push(`${name(svg)}: ${text.firstChild?.data}: ${size.toFixed(1)} pixels`);
      for (const [x, y] of shapes[i])
        if (x < frame.left - 1.5 || x > frame.right + 1.5 || y < frame.top - 1.5 || y > frame.bottom + 1.5) {
          problems.push(`${name(svg)}: ${text.firstChild?.data}: leaves its drawing`);
          break;
        }
      for (let j = 0; j < i; j++)
        if (depth(shapes[i], shapes[j]) > 1.5)
          problems.push(`${name(svg)}: ${text.firstChild?.data} meets ${texts[j].firstChild?.data}`);
      let below = ground(svg);
      const box = text.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
      // All rectangles under the text's middle, the lowest first.
      for (const rect of svg.querySelectorAll('rect')) {
        const area = rect.getBoundingClientRect();
        if (rect.closest('clipPath') || x < area.left || x > area.right || y < area.top || y > area.bottom) continue;
        const style = getComputedStyle(rect);
        if (style.fill === 'none') continue;
        const fill = parsed(style.fill);
        below = over([fill[0], fill[1], fill[2], fill[3] * style.fillOpacity * style.opacity], below);
      }
      const seen = contrast(parsed(getComputedStyle(text).fill), below);
      if (seen < 4.5) problems.push(`${name(svg)}: ${text.firstChild?.data}: contrast ${seen.toFixed(2)}`);
    });
    const plot = svg.querySelector('clipPath rect');
    const matrix = svg.getScreenCTM();
    const inside = plot ? {
      left: matrix.a * plot.x.baseVal.value + matrix.e, top: matrix.d * plot.y.baseVal.value + matrix.f,
      right: matrix.a * (plot.x.baseVal.value + plot.width.baseVal.value) + matrix.e,
      bottom: matrix.d * (plot.y.baseVal.value + plot.height.baseVal.value) + matrix.f,
    } : frame;
    const points = [...svg.querySelectorAll('.data circle, .data .marker, .data .cross, .data .growth')];
    if (plot && !svg.querySelector('.data path, .data circle')) problems.push(`${name(svg)}: holds no data`);
    for (const point of points) {
      const box = point.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
      if (x < inside.left - 1 || x > inside.right + 1 || y < inside.top - 1 || y > inside.bottom + 1)
        problems.push(`${name(svg)}: a point outside of its plot: ${point.textContent}`);
    }
    if (/NaN|inf/.test(svg.outerHTML.replace(/>[^<]*</g, '><'))) problems.push(`${name(svg)}: a coordinate is no number`);
  }

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg') || !visible(element)) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    if (size < 9.95) faint.add(`${walker.currentNode.data.trim().slice(0, 40)}: ${size.toFixed(1)} pixels`);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const below = ground(element), colour = parsed(style.color);
    const seen = contrast(over(colour, below), below);
    if (seen < (isLarge ? 3 : 4.5)) faint.add(`${walker.currentNode.data.trim().slice(0, 40)}: contrast ${seen.toFixed(2)}`);
    const box = element.getBoundingClientRect();
    if (!element.closest('.scroll, pre') && box.right > innerWidth + 1)
      problems.push(`${walker.currentNode.data.trim().slice(0, 40)}: leaves the page`);
  }
  for (const table of document.querySelectorAll('.scroll table')) {
    const cell = table.querySelector('td');
    if (!cell || !visible(table)) continue;
    const heading = table.querySelector('th').textContent;
    if (matchMedia('print').matches) {
      const right = table.getBoundingClientRect().right;
      if (right > innerWidth + 1) problems.push(`table of ${heading}: paper cuts ${(right - innerWidth).toFixed(0)} pixels of it`);
      continue;
    }
    const scroll = table.closest('.scroll');
    scroll.scrollLeft = 10000;
    const moved = scroll.getBoundingClientRect().left - cell.getBoundingClientRect().left;
    if (Math.abs(moved) > 1.5) problems.push(`table of ${heading}: its first column leaves by ${moved.toFixed(0)} pixels`);
    scroll.scrollLeft = 0;
  }
  return problems.concat([...faint]);
}
"""


def looked_at(page, least=10.95):
    """The problems of a page as it is shown, with each choice of an axis; `least` is that of texts in drawings."""
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    problems = page.evaluate(MEASURE, least)
    most = page.evaluate(
        "Math.max(0, ...[...document.querySelectorAll('.tabs')].map(tabs => tabs.querySelectorAll('input').length))"
    )
    for choice in range(most):
        page.evaluate(
            "choice => document.querySelectorAll('.tabs').forEach(tabs => {"
            "const inputs = tabs.querySelectorAll('input'); inputs[Math.min(choice, inputs.length - 1)].checked = true; })",
            choice,
        )
        problems += page.evaluate(MEASURE, least)
    return problems


def screenshots(browser, file, folder):
    """The page in all forms, for a look."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.goto(file.resolve().as_uri())
            page.screenshot(path=folder / f"{file.stem}-{width}-{scheme}.png", full_page=True)
            page.close()
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(file.resolve().as_uri())
    session = page.context.new_cdp_session(page)
    for kind in BLINDNESS:
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
        page.screenshot(path=folder / f"{file.stem}-{kind}.png", full_page=True)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    page.pdf(path=folder / f"{file.stem}.pdf", format="A4", margin=dict.fromkeys(["top", "bottom", "left", "right"], "12mm"))
    page.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--chromium", help="the browser's program; Playwright's own where it is left out")
    parser.add_argument("--screenshots", type=Path, help="a folder for pictures of the pages")
    arguments = parser.parse_args()
    failed = False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        for file in arguments.pages:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                    problems = []
                    page.on("console", lambda message: problems.append(f"console: {message.text}"))
                    page.on("pageerror", lambda error: problems.append(f"error: {error}"))
                    own = file.resolve().as_uri()
                    page.on("request", lambda request: request.url == own or problems.append(f"asks for {request.url}"))
                    page.goto(own)
                    problems += looked_at(page)
                    page.close()
                    problems = list(dict.fromkeys(problems))
                    print(f"{file} at {width} pixels, {scheme}: {len(problems) or 'no'} problems")
                    for problem in problems[:30]:
                        print(f"    {problem}")
                    failed = failed or bool(problems)
            page = browser.new_page(viewport={"width": PAPER, "height": 900}, color_scheme="dark")
            page.goto(file.resolve().as_uri())
            page.emulate_media(media="print")
            problems = list(dict.fromkeys(looked_at(page, LEAST_ON_PAPER)))
            print(f"{file} on paper: {len(problems) or 'no'} problems")
            for problem in problems[:30]:
                print(f"    {problem}")
            failed = failed or bool(problems)
            is_white = page.evaluate("getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'")
            ink = page.evaluate("getComputedStyle(document.body).color")
            is_printed = is_white and ink == "rgb(31, 36, 48)"
            print(f"{file} on paper: {'dark ink on white' if is_printed else f'{ink}, white is {is_white}'}")
            failed = failed or not is_printed
            page.close()
            if arguments.screenshots:
                arguments.screenshots.mkdir(parents=True, exist_ok=True)
                screenshots(browser, file, arguments.screenshots)
        browser.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
