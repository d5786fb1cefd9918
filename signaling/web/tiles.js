/**
 * The stage: one tile a person, one more a shared screen or canvas. Decides which videos are asked for.
 *
 * A tile shows a picture only from the first frame that arrived after its slot became that person's:
 * nobody appears under another one's name.
 */

/** @typedef {import('./client/client.js').Ringfence} Ringfence */
/** @typedef {import('./client/client.js').Slot} Slot */
/** @typedef {import('./client/client.js').Source} Source */
/** @typedef {import('./client/client.js').View} View */

const GAP_PX = 10;
/** Smaller, and nobody can be told from another: then the stage scrolls. */
const TILE_MIN_PX = 150;
/** A camera without a frame for so long is off. A screen may stand still for longer. */
const STILL_MS = { camera: 2_000, shared: 10_000 };
/** As many wishes the server takes. */
const VIEWS_MAX = 64;
/** Heights worth asking for: between them a tile looks the same. */
const HEIGHTS = [180, 360, 720, 1080];

/** A hue that stays with a person. @param {string} id */
function hueOf(id) {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 360;
  return hash;
}

class Tile {
  /** @type {MediaStreamTrack | null} */ #track = null;
  #since = 0;
  #lastFrame = 0;
  visible = true;

  /**
   * @param {HTMLTemplateElement} template
   * @param {string} participant
   * @param {Source} source
   * @param {boolean} own
   */
  constructor(template, participant, source, own) {
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.participant = participant;
    this.source = source;
    this.own = own;
    this.element = /** @type {HTMLElement} */ (copy.querySelector('.tile'));
    this.video = /** @type {HTMLVideoElement} */ (copy.querySelector('video'));
    this.video.muted = true; // pictures only: voices come from the audio slots
    this.face = /** @type {HTMLElement} */ (copy.querySelector('.face'));
    this.name = /** @type {HTMLElement} */ (copy.querySelector('.tile-name'));
    this.element.classList.add(source === 'camera' ? 'camera' : 'shared');
    this.element.classList.toggle('own', own);
    this.element.dataset.participant = participant;
    this.element.dataset.source = source;
    this.element.style.setProperty('--hue', String(hueOf(participant)));
    this.video.requestVideoFrameCallback(this.#onFrame);
  }

  get live() {
    return this.element.classList.contains('live');
  }

  /** @param {string} name @param {boolean} muted @param {boolean} speaking */
  describe(name, muted, speaking) {
    const what = { screen: 'screen', canvas: 'canvas', camera: '', microphone: '', screen_audio: '' }[this.source];
    const whose = this.own ? 'You' : name;
    this.name.textContent = what ? `${whose} (${what})` : whose;
    this.face.textContent = [...name][0]?.toLocaleUpperCase() ?? '?';
    this.element.classList.toggle('muted', muted && !what);
    this.element.classList.toggle('speaking', speaking && !what);
  }

  /** @param {MediaStreamTrack | null} track @param {number} since when it became this tile's */
  show(track, since) {
    if (track === this.#track && since === this.#since) return;
    this.#since = since;
    this.element.classList.remove('live');
    if (track === this.#track) return;
    this.#track = track;
    this.video.srcObject = track ? new MediaStream([track]) : null;
    // Rejected when the next stream comes before this one plays: the next one plays.
    if (track) this.video.play().catch(() => {});
  }

  /** @param {number} now */
  expire(now) {
    const still = STILL_MS[this.source === 'camera' ? 'camera' : 'shared'];
    if (!this.own && this.live && now - this.#lastFrame > still) this.element.classList.remove('live');
  }

  /** @param {number} now @param {VideoFrameCallbackMetadata} frame */
  #onFrame = (now, frame) => {
    // `receiveTime` is the arrival of the frame's last packet; where it is missing the time of display must do.
    if ((frame.receiveTime ?? now) >= this.#since && this.#track) {
      this.#lastFrame = now;
      this.element.classList.add('live');
      this.element.dispatchEvent(new Event('live'));
    }
    this.video.requestVideoFrameCallback(this.#onFrame);
  };
}

export class Stage {
  /** @type {Map<string, Tile>} */ #tiles = new Map();
  #viewTimer = 0;

  /**
   * @param {HTMLElement} element
   * @param {HTMLTemplateElement} template
   * @param {Ringfence} client
   */
  constructor(element, template, client) {
    this.element = element;
    this.template = template;
    this.client = client;
    this.alone = /** @type {HTMLElement} */ (element.querySelector('p'));
    this.resized = new ResizeObserver(() => this.#layout());
    this.resized.observe(element);
    this.seen = new IntersectionObserver((entries) => this.#onSeen(entries), { root: element });
    this.timer = setInterval(() => this.#expire(), 500);
  }

  /** Ends all observing and empties the stage. */
  close() {
    clearInterval(this.timer);
    clearTimeout(this.#viewTimer);
    this.resized.disconnect();
    this.seen.disconnect();
    for (const tile of this.#tiles.values()) tile.element.remove();
    this.#tiles.clear();
  }

  /** Brings the tiles in line with people, rooms, slots and own sources. */
  render() {
    const { client } = this;
    const slots = client.slots.filter((slot) => slot.kind === 'video' && slot.participant !== null);
    const wanted = this.#wanted(slots);
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      this.seen.unobserve(tile.element);
      tile.element.remove();
      tile.show(null, 0);
      this.#tiles.delete(key);
    }
    for (const [key, { participant, source }] of wanted) {
      const own = participant === client.id;
      let tile = this.#tiles.get(key);
      if (!tile) {
        tile = new Tile(this.template, participant, source, own);
        tile.element.addEventListener('live', () => this.#layout());
        this.#tiles.set(key, tile);
        this.element.append(tile.element);
        this.seen.observe(tile.element);
      }
      const slot = slots.find((one) => one.participant === participant && one.source === source);
      if (own) tile.show(client.published(source), 0);
      else tile.show(slot?.stream.getVideoTracks()[0] ?? null, slot?.since ?? 0);
      const person = client.participants.get(participant);
      const speaking = client.speaking.includes(participant);
      tile.describe(person?.name || participant, person?.muted?.audio ?? false, speaking);
    }
    const others = [...wanted.values()].some((one) => one.participant !== client.id);
    this.alone.hidden = others;
    this.#layout();
    this.#askSoon();
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
    for (const { participant, source } of slots) {
      if (participant && source) want(participant, source);
    }
    want(client.id, 'camera');
    for (const { id, room } of client.participants.values()) {
      if (room === client.room) want(id, 'camera');
    }
    return wanted;
  }

  /** The largest tiles that all fit; a row that is not full is centred by the style sheet. */
  #layout() {
    const shown = [...this.#tiles.values()].filter((tile) => {
      // A screen is there when it is seen to be there; before, nobody shares.
      tile.element.hidden = tile.source !== 'camera' && !tile.live && !tile.own;
      return !tile.element.hidden;
    });
    const style = getComputedStyle(this.element);
    const width = this.element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const height = this.element.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    let best = 0;
    for (let columns = 1; columns <= Math.max(1, shown.length); columns += 1) {
      const rows = Math.ceil(shown.length / columns);
      const byWidth = (width - GAP_PX * (columns - 1)) / columns;
      const byHeight = ((height - GAP_PX * (rows - 1)) / rows) * (16 / 9);
      best = Math.max(best, Math.floor(Math.min(byWidth, byHeight)));
    }
    this.element.style.setProperty('--tile', `${Math.max(best, TILE_MIN_PX)}px`);
  }

  #expire() {
    const now = performance.now();
    for (const tile of this.#tiles.values()) tile.expire(now);
    this.#layout();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #onSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      for (const tile of this.#tiles.values()) if (tile.element === target) tile.visible = isIntersecting;
    }
    this.#askSoon();
  }

  /** People come and go in bursts: one request for all. */
  #askSoon() {
    clearTimeout(this.#viewTimer);
    this.#viewTimer = setTimeout(() => {
      // Lost with the connection, it is asked anew with the next one.
      this.client.view(this.#views()).catch(() => {});
    }, 50);
  }

  /**
   * What may be shared first, then the faces in sight. What is not published takes no slot, so wishing for
   * everybody's screen costs nothing.
   * @returns {View[]}
   */
  #views() {
    const ratio = globalThis.devicePixelRatio || 1;
    /** @type {View[]} */
    const faces = [];
    /** @type {View[]} */
    const shared = [];
    for (const { participant, source, own, visible, element } of this.#tiles.values()) {
      if (own || source !== 'camera') continue;
      const pixels = element.clientHeight * ratio;
      const height = HEIGHTS.find((one) => one >= pixels) ?? 1080;
      if (visible) faces.push({ participant, source, height });
      shared.push({ participant, source: 'screen', height: 1080 }, { participant, source: 'canvas', height: 720 });
    }
    const seats = this.client.slots.filter((slot) => slot.kind === 'video').length;
    const some = faces.slice(0, seats);
    return [...shared.slice(0, VIEWS_MAX - some.length), ...some];
  }
}
