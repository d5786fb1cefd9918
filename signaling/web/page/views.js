/**
 * Which videos the page asks for: wishes of several parts of it, put together into one request.
 *
 * What is not published takes no slot, so a wish for everybody's screen costs nothing.
 */

/** @typedef {import('../client/client.js').Ringfence} Ringfence */
/** @typedef {import('../client/client.js').View} View */

/** As many wishes as the server takes. */
const MAX = 64;
/** People come and go in bursts: one request for all. */
const PAUSE_MS = 50;
/** Heights worth asking for: between them a picture looks the same. */
const HEIGHTS = [90, 180, 360, 720, 1080];

/** The height to ask for. @param {number} cssPixels of the tile */
export function heightFor(cssPixels) {
  const pixels = cssPixels * (globalThis.devicePixelRatio || 1);
  return HEIGHTS.find((one) => one >= pixels * 0.85) ?? 1080;
}

export class Views {
  /** @type {Map<string, View[]>} */ #wishes = new Map();
  #timer = 0;

  /** @param {Ringfence} client */
  constructor(client) {
    this.client = client;
  }

  /**
   * What `part` of the page wants to see, the most wanted first. The part that wished first, the stage, gets two
   * slots of three.
   * @param {string} part
   * @param {View[]} videos
   */
  set(part, videos) {
    this.#wishes.set(part, videos);
    clearTimeout(this.#timer);
    // Lost with the connection, it is asked anew with the next one.
    this.#timer = setTimeout(() => { this.client.view(this.#merged()).catch(() => {}); }, PAUSE_MS);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** Each video once, as large as whoever wants it largest; two of the first part, then one of each other. */
  #merged() {
    /** @type {Map<string, View>} */
    const all = new Map();
    const parts = [...this.#wishes.values()].map((videos) => [...videos]);
    while (parts.some((videos) => videos.length > 0)) {
      for (const view of parts.flatMap((videos, at) => videos.splice(0, at === 0 ? 2 : 1))) {
        const key = `${view.source} ${view.participant}`;
        const height = Math.max(view.height, all.get(key)?.height ?? 0);
        all.set(key, { ...view, height });
      }
    }
    return [...all.values()].slice(0, MAX);
  }
}
