// Makes a page answer: figures on logarithmic or linear axes, curves hidden by the legend, values
// under the pointer, tables sorted by a column. Without it the page shows all there is.
'use strict';

const SHORT = 3;

/** Value at a fraction of an axis that is described as "scale linear lo hi". */
function axis(text) {
  const [scale, linear, lo, hi] = text.split(' ');
  const [threshold, first, last] = [linear, lo, hi].map(Number);
  return (fraction) => {
    const span = last - first;
    // The ends may be further apart than the largest number.
    const u = Number.isFinite(span) ? first + fraction * span : first * (1 - fraction) + last * fraction;
    if (scale === 'linear') return u;
    if (scale === 'log') return 10 ** u;
    if (Math.abs(u) <= 1) return u * threshold;
    return Math.sign(u) * 10 ** (Math.abs(u) - 1 + Math.log10(threshold));
  };
}

function number(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(SHORT - 1);
  return String(Number(value.toPrecision(SHORT)));
}

/** Corners of a path of straight lines, or the dots of a path of dots. */
function corners(path) {
  path.corners ??= [...path.getAttribute('d').matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)]
    .map((match) => [Number(match[1]), Number(match[2])]);
  return path.corners;
}

function nearest(points, column) {
  let best = null;
  for (const point of points) {
    if (!best || Math.abs(point[0] - column) < Math.abs(best[0] - column)) best = point;
  }
  return best;
}

/** The panel of a drawing under a place, with what reads its axes. */
function panelAt(svg, place) {
  for (const panel of svg.querySelectorAll('.panel')) {
    const [left, top, width, height] = panel.dataset.frame.split(' ').map(Number);
    const [x, y] = [(place.x - left) / width, (top + height - place.y) / height];
    if (x >= 0 && x <= 1 && y >= 0 && y <= 1) {
      const [column, row] = [axis(panel.dataset.x), axis(panel.dataset.y)];
      return {
        panel,
        x: (at) => column((at - left) / width),
        y: (at) => row((top + height - at) / height),
      };
    }
  }
  return null;
}

/** What is drawn near a place: a heading and lines. */
function reading(svg, place) {
  const found = panelAt(svg, place);
  if (!found) return null;
  const lines = [];
  let heading = null;
  for (const mark of found.panel.querySelectorAll('.series, .points')) {
    if (mark.classList.contains('off')) continue;
    const paths = mark.matches('.series') ? mark.querySelectorAll('.center') : mark.querySelectorAll('path');
    const point = nearest([...paths].flatMap(corners), place.x);
    if (!point || Math.abs(point[0] - place.x) > 15) continue;
    heading ??= `x = ${number(found.x(point[0]))}`;
    lines.push(`${mark.dataset.name || 'y'}: ${number(found.y(point[1]))}`);
  }
  return heading && [heading, ...lines];
}

function showValues(figure, tip) {
  figure.addEventListener('pointermove', (event) => {
    const svg = event.target.closest('svg');
    const matrix = svg && svg.getScreenCTM();
    const place = matrix && new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    const lines = place && reading(svg, place);
    tip.hidden = !lines;
    if (!lines) return;
    tip.textContent = lines.join('\n');
    tip.style.left = `${event.pageX + 14}px`;
    tip.style.top = `${event.pageY + 14}px`;
  });
  figure.addEventListener('pointerleave', () => { tip.hidden = true; });
}

function hideByLegend(figure) {
  const toggle = (name) => {
    for (const mark of figure.querySelectorAll('[data-name]')) {
      if (mark.dataset.name === name) mark.classList.toggle('off');
    }
  };
  for (const entry of figure.querySelectorAll('.entry')) {
    entry.setAttribute('tabindex', '0');
    entry.setAttribute('role', 'button');
    entry.addEventListener('click', () => toggle(entry.dataset.name));
    entry.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') toggle(entry.dataset.name);
    });
  }
}

function switchScale(figure) {
  const linear = figure.querySelector('.linear');
  if (!linear) return;
  const button = document.createElement('button');
  const say = () => { button.textContent = linear.hidden ? 'linear scale' : 'logarithmic scale'; };
  button.addEventListener('click', () => {
    linear.hidden = !linear.hidden;
    figure.querySelector('.drawn').hidden = !linear.hidden;
    say();
  });
  say();
  figure.prepend(button);
}

/** The first number of a text, or the text itself. */
function keyOf(text) {
  const match = text.replace('−', '-').match(/^[<>]?\s*-?\d[\d.]*(e-?\d+)?/);
  return match ? Number(match[0].replace(/^[<>]\s*/, '')) : text;
}

function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a.localeCompare(b);
}

/** Sorts a table by the column of a heading, at a second time downwards. */
function sortBy(heading) {
  const down = heading.getAttribute('aria-sort') === 'ascending';
  const column = heading.cellIndex;
  const body = heading.closest('table').tBodies[0];
  for (const other of heading.parentElement.cells) other.setAttribute('aria-sort', 'none');
  heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const key = (row) => keyOf(row.cells[column].textContent);
  const rows = [...body.rows].sort((a, b) => compare(key(a), key(b)) * (down ? -1 : 1));
  body.append(...rows);
}

function sortable(table) {
  const body = table.tBodies[0];
  // A row without a first cell belongs to the one above it.
  if (!table.tHead || !body || body.rows.length < 2) return;
  if ([...body.rows].some((row) => !row.cells[0].textContent)) return;
  for (const heading of table.tHead.rows[0].cells) {
    heading.setAttribute('aria-sort', 'none');
    heading.setAttribute('tabindex', '0');
    heading.title = 'sort by this column';
    heading.addEventListener('click', () => sortBy(heading));
    heading.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') sortBy(heading);
    });
  }
}

// The contents stand beside the page where there is room.
const contents = document.querySelector('nav details');
if (contents) contents.open = matchMedia('(min-width: 75rem)').matches;

const tip = document.createElement('div');
tip.className = 'tip';
tip.hidden = true;
document.body.append(tip);
for (const figure of document.querySelectorAll('figure')) {
  switchScale(figure);
  hideByLegend(figure);
  showValues(figure, tip);
}
for (const table of document.querySelectorAll('table:not(.forest)')) sortable(table);
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('.methods details')) details.open = true;
});
