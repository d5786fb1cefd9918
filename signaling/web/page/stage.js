/**
 * The stage: one tile a person, one more a shared screen or canvas, and where each of them stands.
 *
 * Whoever has a place keeps it: people who leave leave a free place behind, the next one takes it. The
 * grid gets smaller only after a while. When not all fit, those who speak take the place of whoever was
 * silent for longest, and the last place says how many are not seen.
 */

import { make, setText } from './elements.js';
import { GAP_PX, beside, grid, placesFor } from './places.js';
import { strings } from './strings.js';
import { Tile } from './tile.js';
import { heightFor } from './views.js';

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../client/client.js').Slot} Slot */
/** @typedef {import('../client/client.js').Source} Source */
/** @typedef {import('../client/client.js').View} View */
/** @typedef {import('./places.js').Box} Box */

/** The grid is not made smaller before nobody came back for so long. */
const SHRINK_MS = 4_000;

export class Stage {
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  /** Who stands where; null is a free place. @type {(string | null)[]} */ #places = [];
  #count = 0;
  #shrinkAt = Infinity;
  #room = '';
  /** Places that nobody has. @type {HTMLElement[]} */ #free = [];

  /**
   * @param {HTMLElement} element
   * @param {Ringfence} client
   * @param {import('./views.js').Views} views
   */
  constructor(element, client, views) {
    this.element = element;
    this.client = client;
    this.views = views;
    this.alone = make('p', { class: 'alone', text: strings.stage.alone });
    this.more = make('p', { class: 'others' });
    element.append(this.alone, this.more);
    this.resized = new ResizeObserver(() => this.#still(() => this.#layout()));
    this.resized.observe(element);
    this.timer = setInterval(() => this.#tick(), 500);
  }

  /** Ends all observing and empties the stage. */
  close() {
    clearInterval(this.timer);
    this.resized.disconnect();
    for (const tile of this.#tiles.values()) tile.show(null, 0);
    this.#tiles.clear();
    this.element.replaceChildren();
  }

  /** Brings the tiles in line with people, rooms, slots and own sources. */
  render() {
    const { client } = this;
    const slots = client.slots.filter((slot) => slot.kind === 'video' && slot.participant !== null);
    const wanted = this.#wanted(slots);
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      tile.element.remove();
      tile.show(null, 0);
      this.#tiles.delete(key);
    }
    for (const [key, { participant, source }] of wanted) {
      const own = participant === client.id;
      let tile = this.#tiles.get(key);
      if (!tile) {
        tile = new Tile(participant, source, own);
        if (tile.shared) tile.element.addEventListener('live', () => this.#layout());
        this.#tiles.set(key, tile);
      }
      const slot = slots.find((one) => one.participant === participant && one.source === source);
      if (own) tile.show(client.published(source), 0);
      else tile.show(slot?.stream.getVideoTracks()[0] ?? null, slot?.since ?? 0);
      tile.describe(this.#description(participant));
    }
    if (client.room !== this.#room) {
      this.#room = client.room; // other people: nothing to be kept in its place
      this.#places = [];
      this.#count = 0;
    }
    this.alone.hidden = [...wanted.values()].some((one) => one.participant !== client.id);
    this.#layout();
  }

  /** @param {string} id */
  #description(id) {
    const { client } = this;
    const person = client.participants.get(id);
    const kind = client.voices.get(id);
    const elsewhere = person?.room && person.room !== client.room
      ? client.rooms.find((room) => room.id === person.room)?.name ?? '' : '';
    return {
      name: person?.name || id,
      muted: person?.muted?.audio ?? false,
      dark: person?.muted?.video ?? false,
      speaking: client.speaking.includes(id),
      note: kind ? strings.stage.voices[kind] : elsewhere,
    };
  }

  /** Whose tiles there are: everybody in the own room, and whoever else the relay shows. @param {Slot[]} slots */
  #wanted(slots) {
    const { client } = this;
    /** @type {Map<string, { participant: string, source: Source }>} */
    const wanted = new Map();
    /** @param {string} participant @param {Source} source */
    const want = (participant, source) => wanted.set(`${source} ${participant}`, { participant, source });
    for (const source of /** @type {Source[]} */ (['screen', 'canvas'])) {
      if (client.published(source)) want(client.id, source);
    }
    want(client.id, 'camera');
    for (const { id, room } of client.participants.values()) {
      if (room === client.room) want(id, 'camera');
    }
    for (const { participant, source } of slots) {
      if (!participant || !source) continue;
      const room = client.participants.get(participant)?.room ?? '';
      // A room that is only looked at has its pictures in the rooms panel.
      const looked = room !== client.room && client.monitoring.includes(room) && !client.voices.has(participant);
      if (!looked) want(participant, source);
    }
    return wanted;
  }

  /** Gives places to cameras: whoever has one keeps it. @param {string[]} keys @param {number} max */
  #seat(keys, max) {
    const waiting = new Set(keys);
    this.#places = this.#places.map((key) => (key !== null && waiting.delete(key) ? key : null));
    const needed = placesFor(Math.min(keys.length, max), max);
    const now = performance.now();
    if (needed >= this.#count) this.#shrinkAt = Infinity;
    else if (this.#shrinkAt === Infinity) this.#shrinkAt = now + SHRINK_MS;
    if (needed > this.#count || now >= this.#shrinkAt || this.#count > max) {
      this.#count = needed;
      this.#shrinkAt = Infinity;
    }
    const seats = keys.length > this.#count ? this.#count - 1 : this.#count; // the last one counts the others
    for (const key of this.#places.splice(seats)) if (key !== null) waiting.add(key);
    while (this.#places.length < seats) this.#places.push(null);
    for (const key of waiting) {
      const free = this.#places.indexOf(null);
      if (free >= 0) this.#places[free] = key;
      else this.#replaceSilent(key);
    }
    return keys.length - this.#places.filter((key) => key !== null).length;
  }

  /** Somebody without a place speaks: they get that of whoever was silent for longest. @param {string} key */
  #replaceSilent(key) {
    const tile = this.#tiles.get(key);
    if (!tile || !this.client.speaking.includes(tile.participant)) return;
    let longest = -1;
    this.#places.forEach((other, at) => {
      const there = this.#tiles.get(other ?? '');
      if (!there || there.own || this.client.speaking.includes(there.participant)) return;
      const best = this.#tiles.get(this.#places[longest] ?? '');
      if (!best || there.spokeAt < best.spokeAt) longest = at;
    });
    if (longest >= 0) this.#places[longest] = key;
  }

  #layout() {
    const all = [...this.#tiles];
    // A screen is there when it is seen to be there; before, nobody shares. Of several, the newest is large.
    const shared = all.filter(([, tile]) => tile.shared && (tile.live || tile.own)).map(([, tile]) => tile);
    const width = this.element.clientWidth - 2 * GAP_PX;
    const height = this.element.clientHeight - 2 * GAP_PX;
    if (width <= 0 || height <= 0) return;
    const cameras = all.filter(([, tile]) => !tile.shared).map(([key]) => key);
    const plan = shared.length > 0 ? beside(width, height, shared.length) : grid(width, height);
    const hiddenCount = this.#seat(cameras, plan.max);
    const { large, places } = plan.boxes(this.#count);
    /** @type {Map<Tile, Box>} */
    const boxes = new Map();
    shared.forEach((tile, at) => { const box = large[at]; if (box) boxes.set(tile, box); });
    this.#places.forEach((key, at) => {
      const [tile, box] = [this.#tiles.get(key ?? ''), places[at]];
      if (tile && box) boxes.set(tile, box);
    });
    for (const [, tile] of all) {
      const box = boxes.get(tile);
      if (box) this.#put(tile.element, box);
      else tile.element.remove();
    }
    const free = this.#places.flatMap((key, at) => (key === null && places[at] ? [places[at]] : []));
    while (this.#free.length > free.length) this.#free.pop()?.remove();
    while (this.#free.length < free.length) this.#free.push(make('div', { class: 'free' }));
    free.forEach((box, at) => { if (this.#free[at]) this.#put(this.#free[at], box); });
    this.more.hidden = hiddenCount === 0;
    const last = places[this.#count - 1];
    if (hiddenCount > 0 && last) this.#put(this.more, last);
    setText(this.more, strings.stage.more(hiddenCount));
    this.element.classList.toggle('sharing', shared.length > 0);
    this.views.set('stage', this.#views(boxes));
  }

  /** @param {HTMLElement} element @param {Box} box */
  #put(element, { x, y, width, height }) {
    const { style } = element;
    style.translate = `${x + GAP_PX}px ${y + GAP_PX}px`;
    style.inlineSize = `${width}px`;
    style.blockSize = `${height}px`;
    if (!element.isConnected) {
      this.element.append(element);
      // A video that was taken out of the page was paused by it.
      void element.querySelector('video')?.play().catch(() => {});
    }
  }

  /** Tiles do not move slowly, but follow the size of the window at once. @param {() => void} work */
  #still(work) {
    this.element.classList.add('still');
    work();
    void this.element.offsetWidth; // styles are computed now, with no transition
    this.element.classList.remove('still');
  }

  #tick() {
    const now = performance.now();
    for (const tile of this.#tiles.values()) tile.expire(now);
    this.#layout();
  }

  /** What is seen, at its size; and what may be shared next. @param {Map<Tile, Box>} boxes */
  #views(boxes) {
    const seen = [...boxes].filter(([tile]) => !tile.own);
    const seats = this.client.slots.filter((slot) => slot.kind === 'video').length;
    const views = seen.map(([tile, box]) => (
      { participant: tile.participant, source: tile.source, height: heightFor(box.height) }));
    const faces = views.filter((view) => view.source === 'camera').slice(0, seats);
    const shared = views.filter((view) => view.source !== 'camera');
    const others = [...this.client.participants.keys()].filter((id) => id !== this.client.id);
    const possible = others.flatMap((participant) => /** @type {View[]} */ ([
      { participant, source: 'screen', height: 1080 }, { participant, source: 'canvas', height: 720 }]));
    const known = new Set(shared.map((view) => `${view.source} ${view.participant}`));
    const rest = possible.filter((view) => !known.has(`${view.source} ${view.participant}`));
    return [...shared, ...rest.slice(0, Math.max(0, 64 - shared.length - faces.length)), ...faces];
  }
}
