/**
 * Taking people up and dropping them on a place, by mouse, pen or finger.
 *
 * A mouse drags after a few pixels. A finger first rests on a person, since a finger that moves at once scrolls.
 */

import { make } from '../elements.js';

const START_PX = 6;
const REST_MS = 350;
const EDGE_PX = 48;
const SCROLL_PX = 14;

/**
 * @typedef {object} Handlers
 * @property {(person: string) => { people: string[], label: string }} lift who comes along when this one is taken up
 * @property {(people: string[], place: string) => void} drop
 * @property {() => void} cancel
 */

export class Drag {
  /** @type {{ person: string, x: number, y: number, id: number, timer: number } | null} */ #pressed = null;
  /** @type {{ people: string[], ghost: HTMLElement, over: Element | null, x: number, y: number } | null} */ #held = null;
  #frame = 0;
  #ended = new AbortController();

  /** @param {HTMLElement} root @param {HTMLElement} scroller @param {Handlers} handlers */
  constructor(root, scroller, handlers) {
    this.scroller = scroller;
    this.handlers = handlers;
    const { signal } = this.#ended;
    root.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    document.addEventListener('pointermove', (event) => this.#move(event), { signal });
    document.addEventListener('pointerup', (event) => this.#up(event), { signal });
    document.addEventListener('pointercancel', () => this.#end(true), { signal });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.#held) return;
      event.stopPropagation();
      this.#end(true);
    }, { signal, capture: true });
    // What is held must not scroll under the finger; a menu of the browser must not take it away.
    const hold = (/** @type {Event} */ event) => { if (this.#held) event.preventDefault(); };
    root.addEventListener('touchmove', hold, { signal, passive: false });
    root.addEventListener('contextmenu', hold, { signal });
    // The click after a drop is none.
    root.addEventListener('click', (event) => {
      if (!this.justDropped) return;
      event.stopPropagation();
      event.preventDefault();
    }, { signal, capture: true });
  }

  justDropped = false;

  close() {
    this.#end(false);
    this.#ended.abort();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const row = /** @type {Element} */ (event.target).closest('[data-participant]');
    if (event.button !== 0 || !(row instanceof HTMLElement) || !row.dataset.participant) return;
    this.#release();
    const touch = event.pointerType === 'touch';
    const { clientX: x, clientY: y, pointerId: id } = event;
    const timer = touch ? window.setTimeout(() => this.#lift(x, y), REST_MS) : 0;
    this.#pressed = { person: row.dataset.participant, x, y, id, timer };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (this.#held) {
      this.#follow(event.clientX, event.clientY);
      return;
    }
    const pressed = this.#pressed;
    if (!pressed || event.pointerId !== pressed.id) return;
    if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < START_PX) return;
    if (event.pointerType === 'touch') this.#release();
    else this.#lift(event.clientX, event.clientY);
  }

  /** @param {number} x @param {number} y */
  #lift(x, y) {
    if (!this.#pressed) return;
    const { people, label } = this.handlers.lift(this.#pressed.person);
    this.#release();
    const ghost = make('div', { class: 'ghost', 'aria-hidden': 'true', text: label });
    document.body.append(ghost);
    document.documentElement.classList.add('dragging');
    this.#held = { people, ghost, over: null, x, y };
    this.#follow(x, y);
    const scroll = () => {
      if (!this.#held) return;
      const { top, bottom } = this.scroller.getBoundingClientRect();
      if (this.#held.y < top + EDGE_PX) this.scroller.scrollBy(0, -SCROLL_PX);
      if (this.#held.y > bottom - EDGE_PX) this.scroller.scrollBy(0, SCROLL_PX);
      this.#frame = requestAnimationFrame(scroll);
    };
    this.#frame = requestAnimationFrame(scroll);
  }

  /** @param {number} x @param {number} y */
  #follow(x, y) {
    const held = this.#held;
    if (!held) return;
    Object.assign(held, { x, y });
    held.ghost.style.setProperty('transform', `translate(${x + 12}px, ${y + 8}px)`);
    const over = document.elementFromPoint(x, y)?.closest('[data-place]') ?? null;
    if (over === held.over) return;
    held.over?.classList.remove('over');
    over?.classList.add('over');
    held.over = over;
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.#held) {
      this.#release();
      return;
    }
    this.#follow(event.clientX, event.clientY);
    const { people, over } = this.#held;
    const place = over instanceof HTMLElement ? over.dataset.place : undefined;
    this.#end(place === undefined);
    if (place !== undefined) this.handlers.drop(people, place);
  }

  #release() {
    clearTimeout(this.#pressed?.timer);
    this.#pressed = null;
  }

  /** @param {boolean} cancelled */
  #end(cancelled) {
    this.#release();
    const held = this.#held;
    this.#held = null;
    cancelAnimationFrame(this.#frame);
    if (!held) return;
    held.ghost.remove();
    held.over?.classList.remove('over');
    document.documentElement.classList.remove('dragging');
    this.justDropped = true;
    setTimeout(() => { this.justDropped = false; });
    if (cancelled) this.handlers.cancel();
  }
}
