/**
 * How something is spread: the share of each cell of a histogram over the last while, as bars. Cells behind the
 * last one that holds anything are left out.
 */

import { make, setAttribute, setText } from '../../page/elements.js';
import { strings } from '../strings.js';
import { cells, total } from './derive.js';
import { format } from './scale.js';
import { svg } from './svg.js';

/** @typedef {import('./parse.js').Sample} Sample */
/** @typedef {import('./derive.js').Cell} Cell */

const HEIGHT = 168;
const MARGIN = { top: 20, right: 8, bottom: 22, left: 8 };

export class Bars {
  #plot = svg('svg', { class: 'plot', height: HEIGHT, 'aria-hidden': 'true' });
  #frame = make('div', { class: 'frame' });
  #told = make('p', { class: 'unseen' });
  #when = make('span', { class: 'quiet when' });
  #width = 0;
  /** @type {Cell[]} */ #cells = [];

  /** @param {string} id @param {{ title: string, about: string }} text @param {string} metric */
  constructor(id, text, metric) {
    this.metric = metric;
    this.#frame.append(this.#plot);
    this.element = make('section', { class: 'graph card', 'data-graph': id },
      make('header', {}, make('h3', { text: text.title }), this.#when),
      make('p', { class: 'quiet about', text: text.about }), this.#frame, this.#told);
    new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry?.contentRect.width ?? 0);
      this.#draw();
    }).observe(this.#frame);
  }

  /** @param {Sample} now @param {Sample} before of how long ago, says how long the while is */
  take(now, before) {
    const found = cells(now, before, this.metric) ?? [];
    const last = found.findLastIndex((cell) => cell.count > 0);
    this.#cells = found.slice(0, last + 1);
    this.element.hidden = now.rows(`${this.metric}_bucket`).length === 0;
    setText(this.#when, strings.graphs.last(now.at - before.at));
    const all = total(this.#cells);
    const shares = this.#names().map((name, n) => `${name}: ${format((this.#cells[n]?.count ?? 0) / all, 'share')}`);
    setText(this.#told, shares.join(', ') || strings.graphs.nothing);
    this.#draw();
  }

  /** `1`, `2`, `5–6`, `65+`. */
  #names() {
    return this.#cells.map(({ bound }, n) => {
      const from = (this.#cells[n - 1]?.bound ?? 0) + 1;
      if (bound === Infinity) return `${from}+`;
      return from >= bound ? String(bound) : `${from}–${bound}`;
    });
  }

  #draw() {
    if (this.#width < 40) return;
    setAttribute(this.#plot, 'width', this.#width);
    setAttribute(this.#plot, 'viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    const all = total(this.#cells);
    if (all === 0) {
      const middle = { class: 'tick', x: this.#width / 2, y: HEIGHT / 2, 'text-anchor': 'middle' };
      this.#plot.replaceChildren(svg('text', middle, strings.graphs.nothing));
      return;
    }
    const most = Math.max(...this.#cells.map((cell) => cell.count));
    const each = (this.#width - MARGIN.left - MARGIN.right) / this.#cells.length;
    const bottom = HEIGHT - MARGIN.bottom;
    const names = this.#names();
    const bars = this.#cells.flatMap(({ count }, n) => {
      const height = Math.round((bottom - MARGIN.top) * (count / most));
      const inner = Math.min(each * 0.72, 56);
      const x = MARGIN.left + each * (n + 0.5);
      const share = count / all;
      return [
        svg('rect', {
          class: 'bar', x: Math.round(x - inner / 2), y: bottom - height, width: Math.round(inner), height, rx: 2,
        }),
        svg('text', { class: 'tick strong', x, y: bottom - height - 6, 'text-anchor': 'middle' },
          share > 0 && share < 0.005 ? '<1 %' : `${Math.round(share * 100)} %`),
        svg('text', { class: 'tick', x, y: HEIGHT - 5, 'text-anchor': 'middle' }, names[n] ?? ''),
      ];
    });
    const axis = svg('path', { class: 'axis', d: `M${MARGIN.left} ${bottom + 0.5}H${this.#width - MARGIN.right}` });
    this.#plot.replaceChildren(...bars, axis);
  }
}
