/**
 * One graph over time: axes with units, a line a series, and what each line is worth at the cursor, which
 * all graphs share. The cursor follows the pointer and the arrow keys.
 */

import { arrange, make, setAttribute, setText } from '../../page/elements.js';
import { strings } from '../strings.js';
import { format, ticks } from './scale.js';
import { look, svg, swatch } from './svg.js';

/** @typedef {import('./history.js').History} History */
/** @typedef {import('./history.js').Moment} Moment */
/** @typedef {{ now: number, span: number, at: number | null }} Window_ `span` ms up to `now`; `at`: the cursor */

const HEIGHT = 168;
/** Moments of one step of a page. */
const PAGE = 15;
const MARGIN = { top: 8, right: 12, bottom: 22, left: 58 };

export class Graph {
  #plot = svg('svg', { class: 'plot', height: HEIGHT, 'aria-hidden': 'true' });
  #when = make('span', { class: 'quiet when' });
  #legend = make('ul', { class: 'legend' });
  #frame = make('div', { class: 'frame', role: 'slider', tabindex: '0', 'aria-readonly': 'true' });
  /** Of the legend, by the line's index. @type {{ item: HTMLLIElement, value: HTMLDataElement }[]} */
  #entries = [];
  #width = 0;
  #stepped = false;
  /** @type {Window_ | null} */ #window = null;

  /**
   * @param {import('./catalog.js').Definition} definition
   * @param {History} history
   * @param {(at: number | null) => void} point puts the cursor of all graphs to a time
   */
  constructor(definition, history, point) {
    this.definition = definition;
    this.history = history;
    const heading = make('h3', { text: definition.title, id: `graph-${definition.id}` });
    setAttribute(this.#frame, 'aria-labelledby', heading.id);
    this.#frame.append(this.#plot);
    this.element = make('section', { class: 'graph card', 'data-graph': definition.id },
      make('header', {}, heading, this.#when), make('p', { class: 'quiet about', text: definition.about }),
      this.#frame, this.#legend);
    for (const type of /** @type {const} */ (['pointerdown', 'pointermove'])) {
      this.#frame.addEventListener(type, (event) => point(this.#timeAt(event.offsetX)));
    }
    // A finger that is lifted leaves the cursor where it was; a touch elsewhere takes it away.
    this.#frame.addEventListener('pointerleave', (event) => event.pointerType !== 'touch' && point(null));
    this.#frame.addEventListener('blur', () => point(null));
    this.#frame.addEventListener('keydown', (event) => this.#step(event, point));
    new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry?.contentRect.width ?? 0);
      if (this.#window) this.draw(this.#window);
    }).observe(this.#frame);
  }

  /** @param {Window_} view */
  draw(view) {
    this.#window = view;
    this.element.hidden = this.history.lines.length === 0;
    if (this.element.hidden) return;
    const moments = this.history.since(view.now - view.span);
    const chosen = view.at === null ? moments.at(-1) ?? null : this.history.nearest(view.at);
    this.#tell(view, chosen);
    if (this.#width < MARGIN.left + MARGIN.right + 20) return;
    setAttribute(this.#plot, 'width', this.#width);
    setAttribute(this.#plot, 'viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    let most = 0;
    for (const { values } of moments) for (const value of values) most = Math.max(most, value ?? 0);
    const steps = ticks(most, this.definition.unit);
    const y = this.#y(steps.at(-1) ?? 1);
    const lines = this.history.lines.map((_, index) => (
      svg('path', { class: `line ${look(index)}`, d: this.#path(moments, index, y) })));
    const cursor = view.at !== null && chosen ? this.#cursor(chosen, y) : [];
    this.#plot.replaceChildren(...this.#grid(steps, y), ...this.#times(view.span), ...lines, ...cursor);
  }

  /** @param {number} end of the axis */
  #y(end) {
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    return (/** @type {number} */ value) => MARGIN.top + height * (1 - value / end);
  }

  /** @param {number} at */
  #x(at) {
    const { now, span } = /** @type {Window_} */ (this.#window);
    return MARGIN.left + (this.#width - MARGIN.left - MARGIN.right) * (1 - (now - at) / span);
  }

  /** @param {number} x */
  #timeAt(x) {
    if (!this.#window) return null;
    const share = (x - MARGIN.left) / (this.#width - MARGIN.left - MARGIN.right);
    const { now, span } = this.#window;
    return now - span * (1 - Math.min(1, Math.max(0, share)));
  }

  /** Values at round steps. @param {number[]} steps @param {(value: number) => number} y */
  #grid(steps, y) {
    return steps.flatMap((step) => {
      const at = Math.round(y(step)) + 0.5; // on a row of pixels, not between two
      const place = { class: 'tick', x: MARGIN.left - 8, y: at + 3.5, 'text-anchor': 'end' };
      return [
        svg('path', { class: step === 0 ? 'axis' : 'rule', d: `M${MARGIN.left} ${at}H${this.#width - MARGIN.right}` }),
        svg('text', place, format(step, this.definition.unit)),
      ];
    });
  }

  /** Times at round steps. @param {number} span */
  #times(span) {
    const count = this.#width < 400 ? 2 : 4;
    return Array.from({ length: count + 1 }, (_, n) => {
      const ago = span * (1 - n / count);
      const x = MARGIN.left + (this.#width - MARGIN.left - MARGIN.right) * (n / count);
      const anchor = n === 0 ? 'start' : n === count ? 'end' : 'middle';
      return svg('text', { class: 'tick', x, y: HEIGHT - 5, 'text-anchor': anchor }, strings.graphs.ago(ago));
    });
  }

  /**
   * One line; where nothing is known it is broken.
   * @param {Moment[]} moments @param {number} index @param {(value: number) => number} y
   */
  #path(moments, index, y) {
    let path = '';
    let drawn = false;
    for (const { at, values } of moments) {
      const value = values[index];
      if (typeof value === 'number') {
        const place = `${this.#x(at).toFixed(1)} ${y(value).toFixed(1)}`;
        path += drawn ? `L${place}` : `M${place}h0`; // h0: a point alone is seen, too
        drawn = true;
      } else drawn = false;
    }
    return path;
  }

  /** @param {Moment} moment @param {(value: number) => number} y */
  #cursor(moment, y) {
    const x = Math.round(this.#x(moment.at)) + 0.5;
    const points = moment.values.flatMap((value, index) => (value === null ? []
      : [svg('circle', { class: `point ${look(index)}`, cx: x, cy: y(value), r: 3.5 })]));
    return [svg('path', { class: 'cursor', d: `M${x} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}` }), ...points];
  }

  /** The legend, which is the read-out as well. @param {Window_} view @param {Moment | null} moment */
  #tell(view, moment) {
    const { lines } = this.history;
    while (this.#entries.length < lines.length) {
      const index = this.#entries.length;
      const name = lines[index] ?? '';
      const value = make('data', {});
      const item = make('li', { 'data-line': name }, swatch(index), make('span', { text: name }), value);
      this.#entries.push({ item, value });
    }
    const told = this.#entries.map(({ value }, index) => {
      const worth = moment?.values[index] ?? null;
      const text = format(worth, this.definition.unit);
      setText(value, text);
      setAttribute(value, 'value', worth ?? '');
      return `${lines[index]} ${text}`;
    });
    // A way between shards that is not used any more is no line any more.
    const moments = this.history.since(view.now - view.span);
    this.#entries.forEach(({ item }, index) => {
      item.hidden = !moments.some(({ values }) => typeof values[index] === 'number');
    });
    arrange(this.#legend, this.#entries.map((entry) => entry.item));
    const when = strings.graphs.when(view.at === null || !moment ? 0 : view.now - moment.at);
    setText(this.#when, when);
    const oldest = this.history.moments[0]?.at ?? view.now;
    setAttribute(this.#frame, 'aria-valuemin', Math.round(Math.min(0, oldest - view.now) / 1_000));
    setAttribute(this.#frame, 'aria-valuemax', 0);
    setAttribute(this.#frame, 'aria-valuenow', moment ? Math.round((moment.at - view.now) / 1_000) : 0);
    // Who reads it by keyboard is told when they step, not every two seconds.
    if (this.#stepped || document.activeElement !== this.#frame) {
      setAttribute(this.#frame, 'aria-valuetext', `${when}: ${told.join(', ')}`);
    }
    this.#stepped = false;
  }

  /** The cursor by keys. @param {KeyboardEvent} event @param {(at: number | null) => void} point */
  #step(event, point) {
    const view = this.#window;
    if (!view) return;
    const moments = this.history.since(view.now - view.span);
    const last = moments.length - 1;
    const chosen = view.at === null ? null : this.history.nearest(view.at);
    const now = chosen ? moments.indexOf(chosen) : last;
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageDown: -PAGE, PageUp: PAGE, Home: -Infinity, End: Infinity };
    const to = event.key in steps ? now + steps[/** @type {keyof typeof steps} */ (event.key)] : undefined;
    if (to === undefined && event.key !== 'Escape') return;
    this.#stepped = true;
    if (to === undefined) point(null);
    else point(moments[Math.min(last, Math.max(0, to))]?.at ?? null);
    event.preventDefault();
  }
}
