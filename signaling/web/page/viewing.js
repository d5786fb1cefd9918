/**
 * Which videos are wanted: parts of the page wish, the server is told once.
 *
 * There are only so many video slots. The stage gets two of three as long as others wish for some.
 */

/** @typedef {import('../client/client.js').View} View */
/** @typedef {{ view: (videos: View[]) => Promise<void>, slots: { kind: string }[] }} Client */

const STAGE_SHARE = 2;

/**
 * Most wanted first, each video once at the largest height anybody asked for, at most `most`.
 * @param {View[]} stage
 * @param {View[]} others
 * @param {number} most
 * @returns {View[]}
 */
export function merge(stage, others, most) {
  /** @type {Map<string, View>} */ const merged = new Map();
  const [first, second] = [[...stage], [...others]];
  while (merged.size < most && (first.length > 0 || second.length > 0)) {
    for (const wish of [...first.splice(0, STAGE_SHARE), ...second.splice(0, 1)]) {
      const key = `${wish.source} ${wish.participant}`;
      const there = merged.get(key);
      if (there) merged.set(key, { ...there, height: Math.max(there.height, wish.height) });
      else if (merged.size < most) merged.set(key, wish);
    }
  }
  return [...merged.values()];
}

export class Viewing {
  /** @type {Record<'stage' | 'rooms', View[]>} */ #wishes = { stage: [], rooms: [] };
  #told = '';

  /** @param {Client} client */
  constructor(client) {
    this.client = client;
  }

  /** What one part of the page wants from now on, most wanted first. @param {'stage' | 'rooms'} from @param {View[]} videos */
  wish(from, videos) {
    this.#wishes[from] = videos;
    const most = this.client.slots.filter((slot) => slot.kind === 'video').length;
    const videosNow = merge(this.#wishes.stage, this.#wishes.rooms, most);
    const told = JSON.stringify(videosNow);
    if (told === this.#told) return;
    this.#told = told;
    void this.client.view(videosNow).catch(() => { this.#told = ''; }); // not connected: asked again with the next wish
  }
}
