/**
 * The people of one place: a list box whose rows exist only where one looks.
 *
 * Rows have one height, so a chunk of rows that is not there takes the room it would take, and nothing jumps.
 * Focus stays on the list itself (`aria-activedescendant`): rows may come and go under it.
 */

import { icon, make, setAttribute, setText } from '../elements.js';
import { texts } from './strings.js';

const CHUNK = 40;
let rowNumber = 0;

/** @typedef {{ name: string, tag: string, muted: boolean, speaking: boolean, selected: boolean }} Face */
/** @typedef {{ element: HTMLElement, shown: string }} Row */
/** @typedef {{ element: HTMLElement, near: boolean, rows: Map<string, Row> }} Chunk */

/** How one person is shown. @param {string} id @param {Face} face @returns {Row} */
function makeRow(id, face) {
  const element = make('div', {
    class: 'person', role: 'option', id: `person-${rowNumber += 1}`, 'data-participant': id },
    make('span', { class: 'person-face', 'aria-hidden': 'true' }), make('span', { class: 'person-name' }),
    make('span', { class: 'person-tag' }), make('span', { class: 'unseen' }), icon('microphone-off'));
  const row = { element, shown: '' };
  showFace(row, face);
  return row;
}

/** Touches the row only if something changed. @param {Row} row @param {Face} face */
function showFace(row, face) {
  const { name, tag, muted, speaking, selected } = face;
  const shown = `${name}\n${tag}\n${muted}${speaking}${selected}`;
  if (row.shown === shown) return;
  row.shown = shown;
  const [circle, named, tagged, unseen] = /** @type {HTMLElement[]} */ ([...row.element.children]);
  if (circle) setText(circle, selected ? '✓' : (Array.from(name.trim())[0] ?? '?').toUpperCase());
  if (named) setText(named, name);
  if (tagged) setText(tagged, tag);
  if (unseen) setText(unseen, [speaking && texts.speaking, muted && texts.muted].filter(Boolean).join(', '));
  row.element.classList.toggle('muted', muted);
  row.element.classList.toggle('speaking', speaking);
  setAttribute(row.element, 'aria-selected', selected);
  setAttribute(row.element, 'title', name);
}

/** Writes a level from 0 to 1, only if another one is drawn. @param {HTMLElement} element @param {number} level */
export function drawLevel({ style }, level) {
  const text = level.toFixed(2);
  if ((style.getPropertyValue('--level') || '0.00') !== text) style.setProperty('--level', text);
}

export class PeopleList {
  /** @type {string[]} */ #people = [];
  /** @type {Chunk[]} */ #chunks = [];
  #active = 0;

  /**
   * @param {string} place
   * @param {{ face: (person: string) => Face, watch: IntersectionObserver }} board
   */
  constructor(place, { face, watch }) {
    this.face = face;
    this.watch = watch;
    this.element = make('div', {
      class: 'people', role: 'listbox', 'aria-multiselectable': 'true', tabindex: '0', 'data-list': place,
    });
    this.element.addEventListener('focus', () => this.#point());
  }

  get people() {
    return this.#people;
  }

  /** The person the keyboard is at. */
  get active() {
    return this.#people[this.#active];
  }

  /** Brings the rows in line. @param {string[]} people the same array: nobody came or went */
  render(people) {
    if (people !== this.#people) this.#place(people);
    for (const chunk of this.#chunks) {
      for (const [id, row] of chunk.rows) showFace(row, this.face(id));
    }
  }

  /** Draws how loud each is. @param {(person: string) => number} level */
  listen(level) {
    for (const { rows } of this.#chunks) for (const [id, { element }] of rows) drawLevel(element, level(id));
  }

  /** @param {string[]} people */
  #place(people) {
    const before = this.active;
    this.#people = people;
    const at = before === undefined ? -1 : people.indexOf(before);
    this.#active = at >= 0 ? at : Math.max(0, Math.min(this.#active, people.length - 1));
    const count = Math.ceil(people.length / CHUNK);
    while (this.#chunks.length > count) {
      const chunk = this.#chunks.pop();
      if (chunk) {
        this.watch.unobserve(chunk.element);
        chunk.element.remove();
      }
    }
    while (this.#chunks.length < count) this.#addChunk();
    this.#chunks.forEach((chunk, number) => this.#fill(chunk, number));
    setAttribute(this.element, 'tabindex', people.length > 0 ? '0' : '-1');
    this.#point();
  }

  #addChunk() {
    const element = make('div', { class: 'chunk', role: 'presentation' });
    /** @type {Chunk} */ const chunk = { element, near: false, rows: new Map() };
    this.#chunks.push(chunk);
    this.element.append(element);
    near.set(element, (is) => {
      chunk.near = is;
      this.#fill(chunk, this.#chunks.indexOf(chunk));
    });
    this.watch.observe(element);
  }

  /** Gives a chunk that is near its rows, each moved only if it is elsewhere; another none.
   * @param {Chunk} chunk @param {number} number */
  #fill(chunk, number) {
    if (number < 0) return;
    const people = this.#people.slice(number * CHUNK, (number + 1) * CHUNK);
    const height = String(people.length);
    if (chunk.element.style.getPropertyValue('--rows') !== height) chunk.element.style.setProperty('--rows', height);
    if (!chunk.near) {
      if (chunk.rows.size > 0) chunk.element.replaceChildren();
      chunk.rows.clear();
      return;
    }
    const staying = new Set(people);
    for (const [id, row] of chunk.rows) {
      if (staying.has(id)) continue;
      row.element.remove();
      chunk.rows.delete(id);
    }
    let next = chunk.element.firstElementChild;
    people.forEach((id, at) => {
      let row = chunk.rows.get(id);
      if (!row) chunk.rows.set(id, row = makeRow(id, this.face(id)));
      if (row.element === next) next = next.nextElementSibling;
      else chunk.element.insertBefore(row.element, next);
      setAttribute(row.element, 'aria-posinset', number * CHUNK + at + 1);
      setAttribute(row.element, 'aria-setsize', this.#people.length);
    });
  }

  /** Goes to the person at this place of the list. @param {number} at */
  go(at) {
    this.#active = Math.max(0, Math.min(at, this.#people.length - 1));
    this.#point();
    this.element.querySelector('.active')?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {number} by */
  step(by) {
    this.go(this.#active + by);
  }

  /** @param {string} person */
  goTo(person) {
    const at = this.#people.indexOf(person);
    if (at >= 0) this.go(at);
  }

  /** Tells which row the keyboard is at. */
  #point() {
    const number = Math.floor(this.#active / CHUNK);
    const chunk = this.#chunks[number];
    if (chunk && !chunk.near && document.activeElement === this.element) {
      chunk.near = true; // one can not stand on a row that is not there
      this.#fill(chunk, number);
    }
    const row = this.active === undefined ? undefined : chunk?.rows.get(this.active);
    const marked = this.element.querySelector('.active');
    if (marked !== (row?.element ?? null)) {
      marked?.classList.remove('active');
      row?.element.classList.add('active');
    }
    setAttribute(this.element, 'aria-activedescendant', row?.element.id);
  }

  close() {
    for (const chunk of this.#chunks) this.watch.unobserve(chunk.element);
  }
}

/** What to do when a chunk comes near or goes. @type {WeakMap<Element, (near: boolean) => void>} */
const near = new WeakMap();

/** Watches what is near the part of `root` that is seen. @param {Element} root */
export function watchNear(root) {
  return new IntersectionObserver((entries) => {
    for (const entry of entries) near.get(entry.target)?.(entry.isIntersecting);
  }, { root, rootMargin: '400px 0px' });
}
