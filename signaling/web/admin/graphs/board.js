/**
 * All graphs: takes scrapes, keeps what came of them for ten minutes, draws one window of time in all, with
 * one cursor.
 */

import { make, setAttribute, setText } from '../../page/elements.js';
import { strings } from '../strings.js';
import { Bars } from './bars.js';
import { DEFINITIONS } from './catalog.js';
import { Graph } from './graph.js';
import { History } from './history.js';
import { cells, quantile, rate } from './derive.js';
import { format } from './scale.js';

/** @typedef {import('./parse.js').Sample} Sample */

/** Windows to choose from; the history is as long as the longest. */
const SPANS_MS = [2 * 60_000, 5 * 60_000, 10 * 60_000];
/** The while that a distribution is of. */
const SPREAD_MS = 30_000;

export class Board {
  /** @type {Sample | null} */ #before = null;
  /** Those of the last while, for what is told of a while. @type {Sample[]} */ #recent = [];
  #span = /** @type {number} */ (SPANS_MS[0]);
  /** @type {number | null} */ #at = null;
  #drawing = false;
  #trains = new Bars('train-spread', strings.graphs.of.trainSpread, 'ringfence_train_datagrams');
  #figures = new Figures();
  #empty = make('p', { class: 'empty-note', text: strings.graphs.waiting });

  /** @param {HTMLElement} place */
  constructor(place) {
    this.graphs = DEFINITIONS.map((definition) => new Graph(definition, new History(), (at) => this.#point(at)));
    const sections = this.graphs.flatMap((graph) => (
      graph.definition.id === 'trains' ? [graph.element, this.#trains.element] : [graph.element]));
    for (const section of sections) section.hidden = true;
    place.append(this.#figures.element, this.#spans(), this.#empty, make('div', { class: 'graphs' }, ...sections));
  }

  /** @param {Sample} now */
  take(now) {
    const before = this.#before;
    this.#before = now;
    this.#recent = [...this.#recent, now].filter((sample) => sample.at >= now.at - SPREAD_MS);
    this.#figures.take(now, before);
    if (!before) return;
    this.#empty.hidden = true;
    for (const graph of this.graphs) graph.history.add(now.at, graph.definition.points(now, before));
    this.#trains.take(now, this.#recent[0] ?? before);
    this.#draw();
  }

  /** Nothing came: the lines are broken here. @param {number} at */
  gap(at) {
    for (const graph of this.graphs) if (graph.history.lines.length > 0) graph.history.add(at, []);
    this.#draw();
  }

  /** Draws on the next frame, once. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const now = this.graphs[0]?.history.moments.at(-1)?.at ?? performance.now();
      if (this.#at !== null && this.#at < now - this.#span) this.#at = null; // it has left the window
      for (const graph of this.graphs) graph.draw({ now, span: this.#span, at: this.#at });
    });
  }

  /** @param {number | null} at */
  #point(at) {
    if (this.#at === at) return;
    this.#at = at;
    this.#draw();
  }

  /** How much time is shown. */
  #spans() {
    const choices = SPANS_MS.map((span, n) => make('label', { class: 'choice' },
      make('input', {
        type: 'radio',
        name: 'span',
        checked: n === 0,
        onchange: () => {
          this.#span = span;
          this.#draw();
        },
      }), make('span', { text: strings.graphs.minutes(span / 60_000) })));
    const legend = make('legend', { class: 'unseen', text: strings.graphs.span });
    return make('fieldset', { class: 'segments' }, legend, ...choices);
  }
}

/** The figures above the graphs: how it stands now. */
class Figures {
  element = make('dl', { class: 'figures' });
  /** @type {Map<string, HTMLElement>} */ #values = new Map();

  constructor() {
    for (const [id, name] of Object.entries(strings.figures)) {
      const value = make('dd', { text: '–', 'data-figure': id });
      this.#values.set(id, value);
      this.element.append(make('div', { class: 'card figure' }, make('dt', { class: 'quiet', text: name }), value));
    }
  }

  /** @param {Sample} now @param {Sample | null} before */
  take(now, before) {
    const of = (/** @type {string} */ what) => format(now.sum('ringfence_relay', { what }), 'count');
    const per = (/** @type {string} */ name) => (before ? rate(now, before, name) : null);
    const shards = now.values('ringfence_shard_alive', 'shard');
    const alive = now.sum('ringfence_shard_alive') ?? 0;
    const shares = before ? shards.map((shard) => rate(now, before, 'ringfence_busy_seconds_total', { shard })) : [];
    const busiest = shares.length > 0 ? Math.max(...shares.map((share) => share ?? 0)) : null;
    const latency = before ? quantile(cells(now, before, 'ringfence_added_latency_seconds'), 0.99) : null;
    this.#set('meetings', of('meetings'));
    this.#set('people', of('participants'));
    this.#set('packetsIn', format(per('ringfence_packets_received_total'), 'rate'));
    this.#set('packetsOut', format(per('ringfence_packets_forwarded_total'), 'rate'));
    this.#set('latency', format(latency, 'seconds'));
    this.#set('busiest', format(busiest, 'share'));
    this.#set('memory', format(now.sum('process_resident_memory_bytes'), 'bytes'));
    this.#set('shards', strings.shards(alive, shards.length), alive < shards.length);
  }

  /** @param {string} id @param {string} text @param {boolean} [bad] */
  #set(id, text, bad = false) {
    const value = this.#values.get(id);
    if (!value) return;
    setText(value, text);
    setAttribute(value, 'class', bad ? 'error' : null);
  }
}
