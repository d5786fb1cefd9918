/**
 * Client library of Ringfence: one WebSocket (JSON-RPC 2.0) and one RTCPeerConnection.
 *
 * The connection offers once: its own sources as send-only lines, and a fixed number of receive-only
 * slots. From then on nothing is renegotiated: a source starts and stops by `replaceTrack`, and who is
 * in which slot is told by `slots` notifications. A lost WebSocket is opened again with a growing
 * delay; a new RTCPeerConnection is built only when the server has lost the old one.
 *
 * Knows nothing of the page: no DOM, no storage.
 */

import { Rpc, RpcError } from './rpc.js';

export { RpcError };

/** @typedef {'microphone' | 'screen_audio' | 'camera' | 'screen' | 'canvas'} Source */
/** @typedef {{ id: string, name: string, participants: string[] }} Room */
/**
 * @typedef {object} Participant
 * @property {string} id
 * @property {string} name
 * @property {string} role
 * @property {string} room
 * @property {{ audio: boolean, video: boolean }} muted
 */
/** @typedef {{ mid: string, participant: string | null, source: Source | null }} SlotNews */
/** @typedef {SlotNews & { kind: 'audio' | 'video', stream: MediaStream, since: number }} Slot */
/** @typedef {{ participant: string, source: Source, height: number }} View */
/** @typedef {'idle' | 'connecting' | 'joined' | 'reconnecting' | 'closed'} State */
/**
 * @typedef {object} Options
 * @property {string} [url] of the WebSocket; default: `/v1/rpc` of the page's own host
 * @property {string} [token] not needed on loopback in development mode
 * @property {string} [meeting] without a token: which meeting
 * @property {string} [name] without a token: the name to be known by
 * @property {string} [id] without a token: the participant to be
 * @property {number} [audioSlots] default 4
 * @property {number} [videoSlots] default 16
 */

/**
 * Lines the client sends on, in the order of the offer. The server tells sources by their order
 * within their kind, so this order is part of the protocol.
 * @type {ReadonlyArray<{ source: Source, kind: 'audio' | 'video', maxBitrate: number }>}
 */
const LINES = [
  { source: 'microphone', kind: 'audio', maxBitrate: 40_000 },
  { source: 'camera', kind: 'video', maxBitrate: 1_500_000 },
  { source: 'screen', kind: 'video', maxBitrate: 2_500_000 },
  { source: 'screen_audio', kind: 'audio', maxBitrate: 96_000 },
  { source: 'canvas', kind: 'video', maxBitrate: 1_500_000 },
];

const PROTOCOL = 1;
/** Codes after which to come back with the same token is in vain (HTTP 401, 403). */
const REFUSED = new Set([-32_001, -32_003]);
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000];
/** How long a path may be silent before it is repaired. Browsers say `disconnected` after about 5 s. */
const DISCONNECTED_MS = 2_000;
const REPAIR_MS = 8_000;

/**
 * Which codecs are offered, best first. An offer with all that a browser can do is three times as long.
 * @param {'audio' | 'video'} kind
 */
function offeredCodecs(kind) {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  if (kind === 'audio') return codecs.filter((codec) => /^audio\/opus$/i.test(codec.mimeType));
  const wanted = [
    /^video\/VP8 /i,
    /^video\/H264 (?=.*packetization-mode=1)(?=.*profile-level-id=42e0)/i,
    /^video\/VP9 (?!.*profile-id=[123])/i,
    /^video\/AV1 (?!.*profile=[12])/i,
    /^video\/rtx /i,
  ];
  return wanted.flatMap((pattern) => {
    const found = codecs.filter((codec) => pattern.test(`${codec.mimeType} ${codec.sdpFmtpLine ?? ''}`));
    return pattern.source.includes('rtx') ? found : found.slice(0, 1);
  });
}

/** @param {RTCRtpTransceiver} transceiver @param {'audio' | 'video'} kind */
function trimCodecs(transceiver, kind) {
  try {
    transceiver.setCodecPreferences(offeredCodecs(kind));
  } catch {
    // A browser that can not send what it can receive: it offers all, which is longer and as good.
  }
}

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * A participant's way into a meeting. Events: `state` (of the connection), `model` (people and rooms),
 * `slots` (who is in which), `peer` (a new RTCPeerConnection), `speaking`, `notification` (each, as received).
 */
export class Ringfence extends EventTarget {
  /** @type {State} */ state = 'idle';
  /** Why the connection was lost or refused, for people to read. */
  reason = '';
  /** Own id; empty until joined. */ id = '';
  /** Id of the meeting; empty until joined. */ meeting = '';
  /** Own role. */ role = '';
  /** @type {Room[]} */ rooms = [];
  /** @type {Map<string, Participant>} */ participants = new Map();
  /** Who speaks, loudest first. @type {string[]} */ speaking = [];
  /** The one connection; replaced only when the server has lost it. @type {RTCPeerConnection | null} */ peer = null;
  /** How many RTCPeerConnections were built: more than one only after a loss. */ peersBuilt = 0;

  #options;
  /** @type {Rpc | null} */ #rpc = null;
  /** @type {Map<Source, RTCRtpSender>} */ #senders = new Map();
  /** @type {Map<Source, MediaStreamTrack>} */ #tracks = new Map();
  /** @type {Map<string, Slot>} */ #slots = new Map();
  /** @type {View[]} */ #views = [];
  /** @type {Set<'audio' | 'video'>} */ #muted = new Set();
  /** @type {() => void} */ #wake = () => {};
  #repairing = false;
  #ended = false;

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    this.#options = { audioSlots: 4, videoSlots: 16, ...options };
  }

  /** Slots in the order of the offer, audio first. */
  get slots() {
    return [...this.#slots.values()];
  }

  /** The room this participant is in; `main` until told otherwise. */
  get room() {
    return this.participants.get(this.id)?.room ?? 'main';
  }

  /**
   * Joins, and stays joined over lost connections until `leave`. Resolves when media is negotiated.
   * Rejects if the very first attempt fails; nothing is retried then.
   */
  async connect() {
    if (this.state !== 'idle') throw new Error('Already connected.');
    this.#setState('connecting');
    globalThis.addEventListener?.('online', this.#retryNow);
    try {
      const rpc = await this.#session();
      void this.#stay(rpc);
    } catch (error) {
      this.#end(String(error instanceof Error ? error.message : error));
      throw error;
    }
  }

  /**
   * Sends `track` as `source`, or nothing if it is null. Needs no negotiation, works at any time,
   * and holds over reconnections.
   * @param {Source} source
   * @param {MediaStreamTrack | null} track
   */
  async publish(source, track) {
    if (track) this.#tracks.set(source, track);
    else this.#tracks.delete(source);
    await this.#senders.get(source)?.replaceTrack(track);
  }

  /** @param {Source} source */
  published(source) {
    return this.#tracks.get(source) ?? null;
  }

  /**
   * Which videos are wanted, the most wanted first. The server fills the video slots by it.
   * @param {View[]} videos
   */
  async view(videos) {
    const same = JSON.stringify(videos) === JSON.stringify(this.#views);
    this.#views = videos;
    if (!same && this.#rpc?.isOpen && this.peer) await this.#rpc.call('view', { videos });
  }

  /** Stops own audio or video in the server, for everybody. @param {'audio' | 'video'} kind */
  async mute(kind) {
    this.#muted.add(kind);
    await this.#rpc?.call('mute', { kind });
  }

  /** @param {'audio' | 'video'} kind */
  async unmute(kind) {
    this.#muted.delete(kind);
    await this.#rpc?.call('unmute', { kind });
  }

  /** @param {number} count @param {string[]} [names] @returns {Promise<string[]>} their ids */
  async createRooms(count, names) {
    const { rooms } = await this.call('breakout.create', { max_rooms: count, ...(names && { names }) });
    return rooms;
  }

  /** Moves people in one step; `main` is a room too. @param {string[]} clients @param {string} room */
  async move(clients, room) {
    await this.call('breakout.move', { clients, room_id: room });
  }

  /** Goes back to the main room. */
  async leaveRoom() {
    await this.call('breakout.leave');
  }

  /** Brings everybody back to the main room. */
  async clearRooms() {
    await this.call('breakout.clear_all');
  }

  /** Any method of the server. @param {string} method @param {object} [params] @returns {Promise<any>} */
  call(method, params = {}) {
    return this.#rpc ? this.#rpc.call(method, params) : Promise.reject(new Error('Not connected to the server.'));
  }

  /** Leaves the meeting for good. */
  async leave() {
    const rpc = this.#rpc;
    this.#end('');
    await rpc?.call('leave').catch(() => {}); // it may be gone already, which is as good
    rpc?.close();
  }

  /** Opens a WebSocket, joins, and has a working peer at the end. @returns {Promise<Rpc>} */
  async #session() {
    const { url, token, meeting, name, id } = this.#options;
    const page = globalThis.location;
    const rpc = new Rpc(
      url ?? `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}/v1/rpc`,
      (method, params) => rpc === this.#rpc && this.#notified(method, params),
    );
    try {
      await rpc.opened;
      this.#rpc = rpc;
      const who = token ? { token } : { meeting, name, id: this.id || id };
      const joined = await rpc.call('join', { protocol: PROTOCOL, ...who });
      this.id = joined.participant;
      this.meeting = joined.meeting;
      this.role = joined.role;
      this.#adopt(joined);
      // Before media can flow: a server that was restarted knows nothing of it.
      for (const kind of this.#muted) await rpc.call('mute', { kind });
      // Kept only if the server still has it: it then still is in its room, with all its slots.
      if (!joined.resumed || this.peer?.connectionState !== 'connected') await this.#negotiate(rpc);
      if (this.#ended) throw new Error('Left.');
      this.reason = '';
      this.#setState('joined');
      return rpc;
    } catch (error) {
      rpc.close();
      throw error;
    }
  }

  /** Reconnects for as long as nobody leaves. @param {Rpc} rpc */
  async #stay(rpc) {
    for (let attempt = 0; ; ) {
      await rpc.closed;
      // The relay goes on, and who is in which slot is not told any more: let all be heard.
      for (const slot of this.slots) this.#sound(slot, true);
      while (!this.#ended) {
        this.#setState('reconnecting');
        const delay = BACKOFF_MS[Math.min(attempt++, BACKOFF_MS.length - 1)] ?? 0;
        // A restarted server is not to be met by everybody in the same millisecond.
        const woken = new Promise((resolve) => { this.#wake = () => resolve(undefined); });
        await Promise.race([sleep(delay * (0.75 + Math.random() / 2)), woken]);
        if (this.#ended) return;
        try {
          rpc = await this.#session();
          attempt = 0;
          break;
        } catch (error) {
          this.reason = error instanceof Error ? error.message : String(error);
          // The token has expired or was never good for this: it will not be better the next time.
          if (error instanceof RpcError && REFUSED.has(error.code)) return this.#end(this.reason);
        }
      }
      if (this.#ended) return;
    }
  }

  /** Builds the one RTCPeerConnection and offers once. @param {Rpc} rpc */
  async #negotiate(rpc) {
    this.peer?.close();
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.peer = peer;
    this.peersBuilt += 1;
    this.#senders.clear();
    this.#slots.clear();
    for (const { source, kind, maxBitrate } of LINES) {
      const transceiver = peer.addTransceiver(kind, { direction: 'sendonly', sendEncodings: [{ maxBitrate }] });
      trimCodecs(transceiver, kind);
      this.#senders.set(source, transceiver.sender);
      await transceiver.sender.replaceTrack(this.#tracks.get(source) ?? null);
    }
    /** @type {RTCRtpTransceiver[]} */
    const receiving = [];
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      const count = kind === 'audio' ? this.#options.audioSlots : this.#options.videoSlots;
      for (let n = 0; n < count; n += 1) {
        const transceiver = peer.addTransceiver(kind, { direction: 'recvonly' });
        trimCodecs(transceiver, kind);
        receiving.push(transceiver);
      }
    }
    peer.addEventListener('connectionstatechange', () => this.#peerChanged(peer));
    // The server is ICE-lite and learns our addresses from our checks: no need to wait for candidates.
    await peer.setLocalDescription();
    for (const { mid, receiver } of receiving) {
      const kind = /** @type {'audio' | 'video'} */ (receiver.track.kind);
      const stream = new MediaStream([receiver.track]);
      const empty = { participant: null, source: null, since: performance.now() };
      if (mid !== null) this.#slots.set(mid, { mid, kind, stream, ...empty });
    }
    this.#emit('peer');
    const answer = await rpc.call('offer', { sdp: peer.localDescription?.sdp });
    this.#assign(answer.slots);
    await peer.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    if (this.#views.length > 0) await rpc.call('view', { videos: this.#views });
  }

  /** @param {RTCPeerConnection} peer */
  #peerChanged(peer) {
    if (peer !== this.peer) return;
    this.#emit('state');
    if (peer.connectionState === 'failed') void this.#repair(peer);
    if (peer.connectionState !== 'disconnected') return;
    setTimeout(() => {
      if (peer.connectionState === 'disconnected') void this.#repair(peer);
    }, DISCONNECTED_MS);
  }

  /**
   * The path is lost but the server is there: ICE restart, and a new peer if that does not help.
   * @param {RTCPeerConnection} peer
   */
  async #repair(peer) {
    const rpc = this.#rpc;
    if (this.#repairing || !rpc?.isOpen || this.#ended || peer !== this.peer) return;
    this.#repairing = true;
    try {
      await this.restartIce();
      const until = performance.now() + REPAIR_MS;
      while (peer.connectionState !== 'connected' && performance.now() < until) await sleep(100);
      if (peer.connectionState !== 'connected') throw new Error('The path is still lost.');
    } catch {
      // A new session either works or is retried with a delay; a half-working one is not kept.
      if (rpc === this.#rpc && peer === this.peer) {
        peer.close();
        rpc.close();
      }
    } finally {
      this.#repairing = false;
    }
  }

  /** New ICE credentials and candidates for the same connection (RFC 8445 §9). */
  async restartIce() {
    if (!this.peer) throw new Error('No connection to restart.');
    await this.peer.setLocalDescription(await this.peer.createOffer({ iceRestart: true }));
    const { sdp } = await this.call('ice_restart', { sdp: this.peer.localDescription?.sdp });
    await this.peer.setRemoteDescription({ type: 'answer', sdp });
  }

  /** @param {string} method @param {any} params */
  #notified(method, params) {
    if (method === 'slots') this.#assign(params.slots);
    else if (method === 'speaking') {
      this.speaking = params.participants;
      this.#emit('speaking');
    } else if (method === 'user_joined') {
      const { participant, room_id: room } = params;
      this.participants.set(participant.id, { ...participant, room: room ?? participant.room });
      this.#place(participant.id, room ?? participant.room);
    } else if (method === 'user_left') {
      if (params.reason !== 'moved') this.participants.delete(params.participant);
      this.#place(params.participant, null);
    } else if (method === 'peer_updated') {
      this.participants.set(params.participant.id, params.participant);
      this.#place(params.participant.id, params.participant.room);
    } else if (method === 'meeting_changed') this.#place(this.id, params.room_id);
    else if (method === 'plan_changed') this.#adopt(params);
    else if (method === 'breakout_created') {
      const known = new Set(this.rooms.map((room) => room.id));
      for (const { id, name } of params.rooms) {
        if (!known.has(id)) this.rooms = [...this.rooms, { id, name, participants: [] }];
      }
      this.#emit('model');
    } else if (method === 'breakout_destroyed') {
      this.rooms = this.rooms.filter((room) => room.id !== params.room_id);
      this.#emit('model');
    } else if (method === 'reconnect') {
      this.reason = params.reason ?? '';
      // Taken over by another page with this id: to come back would take it away from there again.
      if (params.reason === 'replaced') this.#end('You joined this meeting from somewhere else.');
      this.peer?.close();
      this.#rpc?.close();
    }
    this.dispatchEvent(new CustomEvent('notification', { detail: { method, params } }));
  }

  /**
   * Takes over rooms and, where told, participants: everybody, or those who are news.
   * @param {{ rooms: Room[], participants?: Participant[], people?: Participant[] }} model
   */
  #adopt({ rooms, participants, people = [] }) {
    if (participants) this.participants = new Map(participants.map((one) => [one.id, one]));
    for (const one of people) this.participants.set(one.id, one);
    const main = this.rooms.find((room) => room.id === 'main') ?? { id: 'main', name: 'Main room', participants: [] };
    this.rooms = rooms.some((room) => room.id === 'main') ? rooms : [{ ...main, participants: [] }, ...rooms];
    for (const room of this.rooms) {
      for (const id of room.participants) {
        const one = this.participants.get(id);
        if (one) one.room = room.id;
      }
    }
    this.#emit('model');
  }

  /** Nobody is in two rooms. @param {string} id @param {string | null} room null: in none */
  #place(id, room) {
    this.rooms = this.rooms.map((one) => {
      const others = one.participants.filter((other) => other !== id);
      return { ...one, participants: one.id === room ? [...others, id] : others };
    });
    const participant = this.participants.get(id);
    if (participant && room !== null) participant.room = room;
    this.#emit('model');
  }

  /** @param {SlotNews[]} news */
  #assign(news) {
    for (const { mid, participant, source } of news) {
      const slot = this.#slots.get(mid);
      if (!slot || (slot.participant === participant && slot.source === source)) continue;
      this.#slots.set(mid, { ...slot, participant, source, since: performance.now() });
      this.#sound(slot, participant !== null);
    }
    this.#emit('slots');
  }

  /**
   * An empty slot is silent at once: when packets stop, browsers make up the missing sound for up to a second.
   * @param {Slot} slot
   * @param {boolean} on
   */
  #sound({ kind, stream }, on) {
    if (kind === 'audio') for (const track of stream.getTracks()) track.enabled = on;
  }

  #retryNow = () => this.#wake();

  /** @param {string} reason */
  #end(reason) {
    this.#ended = true;
    this.reason = reason;
    globalThis.removeEventListener?.('online', this.#retryNow);
    this.#wake();
    this.peer?.close();
    this.#setState('closed');
  }

  /** @param {State} state */
  #setState(state) {
    if (this.#ended && state !== 'closed') return;
    this.state = state;
    this.#emit('state');
  }

  /** @param {string} type */
  #emit(type) {
    this.dispatchEvent(new Event(type));
  }
}
