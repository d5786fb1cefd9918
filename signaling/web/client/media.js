/**
 * Media of this participant: the one RTCPeerConnection, what is published on it, and the slots it receives in.
 *
 * Knows nothing of rooms and people but ids; who may be heard how loud is asked of its owner.
 */

/** @import { AttachedElement, Slot, Source } from './client.d.ts' */

import { LINES, addSource, settleLayers, trimCodecs } from './lines.js';
import { Sources } from './sources.js';

/**
 * @typedef {object} Owner
 * @property {(type: string, detail?: unknown) => void} tell
 * @property {(participant: string) => number} loudness from 0 to 1, beside the own volume of a person
 */
/** A voice whose last sound is older is silent. */
const SILENT_MS = 400;

/** @typedef {(peer: RTCPeerConnection, sdp: string | undefined) => Promise<{ sdp: string, slots: any[] }>} Offer */

export class Media {
  /** The one connection; replaced only when the server has lost it. @type {RTCPeerConnection | null} */ peer = null;
  /** How many RTCPeerConnections were built: more than one only after a loss. */ peersBuilt = 0;
  /** Whether the relay takes several layers of the camera. */ layered = false;

  sources;
  #owner;
  #layers;
  #counts;
  /** @type {Map<string, Slot>} */ #slots = new Map();
  /** @type {Map<string, number>} */ #gains = new Map();
  /** @type {Map<AttachedElement, string>} Elements and the mid they play. */ #attached = new Map();

  /**
   * @param {Owner} owner
   * @param {{ audio: number, video: number }} counts of slots
   * @param {boolean} layers whether to offer several of the camera. Where they are refused, one is sent, and
   *   Chromium can not restart ICE any more: it offers them again, and refuses that itself. Then a lost path
   *   costs a new connection, so layers are offered only to a relay that takes them.
   */
  constructor(owner, counts, layers) {
    this.#owner = owner;
    this.#layers = layers;
    this.#counts = counts;
    this.sources = new Sources(owner.tell);
  }

  /** In the order of the offer, audio first. */
  get slots() {
    return [...this.#slots.values()];
  }

  /** Builds the one RTCPeerConnection and offers once. @param {Offer} offer */
  async negotiate(offer) {
    this.peer?.close();
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.peer = peer;
    this.peersBuilt += 1;
    this.#slots.clear();
    const senders = new Map(LINES.map((line) => [line.source, addSource(peer, line, this.#layers).sender]));
    await this.sources.connect(senders);
    const receiving = this.#addSlots(peer);
    // The server is ICE-lite and learns our addresses from our checks: no need to wait for candidates.
    await peer.setLocalDescription();
    for (const { mid, receiver } of receiving) {
      const kind = /** @type {'audio' | 'video'} */ (receiver.track.kind);
      const stream = new MediaStream([receiver.track]);
      const empty = { participant: null, source: null, since: performance.now() };
      if (mid !== null) this.#slots.set(mid, { mid, kind, stream, ...empty });
    }
    for (const element of this.#attached.keys()) this.#play(element);
    this.#owner.tell('peer');
    const answer = await offer(peer, peer.localDescription?.sdp);
    this.assign(answer.slots);
    this.#owner.tell('slots', { slots: answer.slots });
    // How many bits a role sends changes with it, an answer does not: `limit` sees to that.
    await peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp.replace(/^b=TIAS:.*\r\n/gm, '') });
    const camera = senders.get('camera');
    this.layered = camera ? await settleLayers(camera, answer.sdp) : false;
    await this.sources.limit();
    return peer;
  }

  /** @param {RTCPeerConnection} peer */
  #addSlots(peer) {
    /** @type {RTCRtpTransceiver[]} */
    const receiving = [];
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      for (let n = 0; n < this.#counts[kind]; n += 1) {
        const transceiver = peer.addTransceiver(kind, { direction: 'recvonly' });
        trimCodecs(transceiver, kind);
        receiving.push(transceiver);
      }
    }
    return receiving;
  }

  /** New ICE credentials and candidates for the same connection (RFC 8445 §9). @param {(sdp: string | undefined) => Promise<{ sdp: string }>} restart */
  async restartIce(restart) {
    if (!this.peer) throw new Error('There is no connection to restart.');
    await this.peer.setLocalDescription(await this.peer.createOffer({ iceRestart: true }));
    const { sdp } = await restart(this.peer.localDescription?.sdp);
    await this.peer.setRemoteDescription({ type: 'answer', sdp });
  }

  close() {
    this.sources.close();
    this.peer?.close();
  }

  // --- Slots ----------------------------------------------------------------------------------------

  /** Who is in which slot from now on. @param {{ mid: string, participant?: string | null, source?: Source | null }[]} news */
  assign(news) {
    for (const { mid, participant = null, source = null } of news) {
      const slot = this.#slots.get(mid);
      if (!slot || (slot.participant === participant && slot.source === source)) continue;
      this.#slots.set(mid, { ...slot, participant, source, since: performance.now() });
      this.#sound(slot, participant !== null);
    }
    this.balance();
  }

  /** The relay goes on while nobody tells who is in which slot: let all be heard. */
  soundAll() {
    for (const slot of this.slots) this.#sound(slot, true);
  }

  /**
   * An empty slot is silent at once: when packets stop, browsers make up the missing sound for up to a second.
   * @param {Slot} slot
   * @param {boolean} on
   */
  #sound({ kind, stream }, on) {
    if (kind === 'audio') for (const track of stream.getTracks()) track.enabled = on;
  }

  /** How loud each voice is that comes in just now. @returns {Map<string, number>} */
  levels() {
    const levels = new Map();
    const now = performance.now();
    for (const { mid, receiver } of this.peer?.getTransceivers() ?? []) {
      const { kind, participant, since } = this.#slots.get(mid ?? '') ?? {};
      if (kind !== 'audio' || !participant) continue;
      const [heard] = receiver.getSynchronizationSources();
      // What came before the slot was theirs was somebody else's.
      const isTheirs = heard && heard.timestamp - performance.timeOrigin > Math.max(since ?? 0, now - SILENT_MS);
      levels.set(participant, Math.max(levels.get(participant) ?? 0, isTheirs ? heard.audioLevel ?? 0 : 0));
    }
    return levels;
  }

  // --- Playing ----------------------------------------------------------------------------------------

  /**
   * Plays a slot in an element, whoever is in it, over new connections too.
   * @param {Slot} slot
   * @param {AttachedElement} element
   */
  attach({ mid }, element) {
    this.#attached.set(element, mid);
    this.#play(element);
    return () => {
      if (this.#attached.get(element) !== mid) return;
      this.#attached.delete(element);
      element.srcObject = null;
    };
  }

  /** Own volume of a person, 0 to 1. @param {string} participant @param {number} [value] */
  gain(participant, value) {
    if (value !== undefined) {
      this.#gains.set(participant, Math.min(1, Math.max(0, value)));
      this.balance();
    }
    return this.#gains.get(participant) ?? 1;
  }

  /** Sets the volume of what is played anew: somebody else is in a slot, or is to be softer now. */
  balance() {
    for (const [element, mid] of this.#attached) {
      const slot = this.#slots.get(mid);
      if (slot?.kind !== 'audio') continue;
      const { participant } = slot;
      const volume = participant === null ? 1 : this.gain(participant) * this.#owner.loudness(participant);
      if (element.volume !== volume) element.volume = volume;
    }
  }

  /** @param {AttachedElement} element */
  #play(element) {
    const slot = this.#slots.get(this.#attached.get(element) ?? '');
    element.srcObject = slot?.stream ?? null;
    if (slot?.kind === 'audio') this.balance();
  }
}
