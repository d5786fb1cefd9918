/**
 * A participant's way into a meeting, in one object: its state (`model.js`), its connection (`connection.js`),
 * its media (`media.js`), and what it can ask for (`commands.js`). Types and meaning: `client.d.ts`.
 *
 * Knows nothing of a page: no DOM but media elements, no storage.
 */

/** @import { AttachedElement, Options, Slot, Source, View } from './client.d.ts' */
/** @import { Rpc } from './rpc.js' */

import { breakoutCommands, mainCommands, peopleCommands, roleCommands } from './commands.js';
import { Connection } from './connection.js';
import { Media } from './media.js';
import { Model } from './model.js';

export class Ringfence extends EventTarget {
  breakout;
  main;
  people;
  roles;

  #model = new Model(() => {
    this.#rebalance();
    this.#tell('model');
  });
  #media;
  #connection;
  /** @type {import('./stats.js').Stats | null} */ #stats = null;
  /** @type {View[]} */ #views = [];
  /** @type {Set<'audio' | 'video'>} What this one wants to be muted, whatever the server knows. */ #muted = new Set();
  /** @type {Set<'audio' | 'video'>} To be unmuted once there is a connection again. */ #unmuting = new Set();
  #changeAsked = false;
  /** What volumes were set by. */ #balance = '';

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    const { audioSlots: audio = 4, videoSlots: video = 16, checked, layers = false } = options;
    this.#media = new Media({
      tell: (type, detail) => this.#tell(type, detail),
      loudness: (id) => this.#loudness(id),
    }, { audio, video }, layers);
    this.#connection = new Connection(options, {
      tell: (type) => this.#tell(type),
      notified: (method, params) => this.#notified(method, params),
      joined: (rpc, answer) => this.#joined(rpc, answer),
      settled: (rpc, answer) => this.#settled(rpc, answer),
    }, this.#model, this.#media);
    /** @type {import('./commands.js').Call} */
    const call = (method, params) => this.call(method, params);
    /** @type {import('./commands.js').Call} */
    const plan = (method, params) => call(method, checked ? { ...params, revision: this.plan.revision } : params);
    this.breakout = breakoutCommands(plan, this.#model);
    this.main = mainCommands(call, this.#model);
    this.people = peopleCommands(call);
    this.roles = roleCommands(call, this.#model);
  }

  // --- State ----------------------------------------------------------------------------------------

  get state() { return this.#connection.state; }
  get reason() { return this.#connection.reason; }
  get error() { return this.#connection.error; }
  get id() { return this.#model.id; }
  get meeting() { return this.#model.meeting; }
  get role() { return this.#model.role; }
  get room() { return this.#model.room; }
  get self() { return this.#model.participants.get(this.#model.id); }
  get permissions() { return this.#model.permissions; }
  get roleNames() { return this.#model.roleNames; }
  get sends() { return this.#model.sends; }
  get plan() { return this.#model.plan; }
  get rooms() { return this.#model.rooms; }
  get participants() { return this.#model.participants; }
  /** @param {string} id */
  nameOf(id) { return this.#model.nameOf(id); }
  get speaking() { return this.#model.speaking; }
  get watched() { return this.#model.watched; }
  get parent() { return this.#model.parent; }
  get invitations() { return this.#model.invitations; }
  get timer() { return this.#model.timer; }
  get help() { return this.#model.help; }
  get polls() { return this.#model.polls; }
  get messages() { return this.#model.messages; }
  get voices() { return this.#model.voices; }
  get roleAsked() { return this.#model.roleAsked; }
  get announcing() { return this.#model.announcing; }
  get whispering() { return this.#model.whispering; }
  get monitoring() { return this.#model.monitoring; }
  get listening() { return this.#model.listening; }
  get slots() { return this.#media.slots; }
  get peer() { return this.#media.peer; }
  get peersBuilt() { return this.#media.peersBuilt; }

  /** @param {string} permission */
  can(permission) {
    return this.#model.can(permission);
  }

  // --- Life -----------------------------------------------------------------------------------------

  /** Resolves when media is negotiated. */
  async connect() {
    globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', this.#devicesChanged);
    await this.#connection.open();
  }

  async leave() {
    globalThis.navigator?.mediaDevices?.removeEventListener?.('devicechange', this.#devicesChanged);
    await this.#connection.leave();
  }

  /** @param {string} method @param {object} [params] @returns {Promise<any>} */
  call(method, params = {}) {
    return this.#connection.call(method, params);
  }

  /** @param {Rpc} rpc @param {any} answer */
  async #joined(rpc, answer) {
    this.#model.join(answer);
    this.#rebalance();
    this.#tell('model');
    await this.#media.sources.limit(this.sends.caps);
    // Before media can flow: a server that was restarted knows nothing of it.
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      if (this.#unmuting.delete(kind)) await rpc.call('unmute', { kind });
      else if (this.self?.muted[kind]) this.#muted.add(kind); // by a host, while this one was away
      else if (this.#muted.has(kind)) await rpc.call('mute', { kind });
    }
  }

  /** @param {Rpc} rpc @param {any} answer */
  async #settled(rpc, answer) {
    if (this.#views.length > 0) await rpc.call('view', { videos: this.#views });
    if (answer.resume !== 'snapshot') return;
    // To whom is spoken and listened is not kept by a server without a store.
    const { announcing, whispering, monitoring, listening } = this.#model;
    /** @param {string} method @param {object} params @param {() => void} undo */
    const again = async (method, params, undo) => {
      await rpc.call(method, params).catch(undo); // the rooms may be gone, and the permission too
    };
    if (announcing.length > 0) await again('announce', { on: true, sources: announcing }, () => this.#model.announce([]));
    if (whispering) await again('whisper', { to: whispering, on: true }, () => this.#model.whisper(null));
    if (monitoring.length > 0) await again('monitor', { rooms: monitoring, listen: listening }, () => this.#model.monitor([]));
  }

  // --- Media ----------------------------------------------------------------------------------------

  /** @param {Source} source @param {MediaStreamTrack | null} track */
  async publish(source, track) {
    await this.#media.sources.publish(source, track);
  }

  /** @param {Source} source */
  published(source) {
    return this.#media.sources.track(source);
  }

  /** @param {Source} source @param {string} deviceId */
  async use(source, deviceId) {
    await this.#media.sources.use(source, deviceId);
  }

  /** @param {View[]} videos */
  async view(videos) {
    const same = JSON.stringify(videos) === JSON.stringify(this.#views);
    this.#views = videos;
    if (!same && this.#connection.isOpen && this.peer) await this.call('view', { videos });
  }

  /** @param {'audio' | 'video'} kind */
  async mute(kind) {
    this.#muted.add(kind);
    this.#unmuting.delete(kind);
    if (this.#connection.isOpen) await this.call('mute', { kind }); // else on coming back
  }

  /** @param {'audio' | 'video'} kind */
  async unmute(kind) {
    this.#muted.delete(kind);
    if (this.#connection.isOpen) await this.call('unmute', { kind });
    else this.#unmuting.add(kind);
  }

  /** @param {Slot} slot @param {AttachedElement} element */
  attach(slot, element) {
    return this.#media.attach(slot, element);
  }

  /** @param {string} participant @param {number} [value] */
  gain(participant, value) {
    const own = this.#media.gain(participant, value);
    if (value !== undefined) this.#tell('gain');
    return own;
  }

  levels() {
    return this.#media.levels();
  }

  async stats() {
    const { Stats } = await import('./stats.js'); // most pages never ask
    this.#stats ??= new Stats();
    return this.#stats.read(this.peer);
  }

  restartIce() {
    return this.#connection.restartIce();
  }

  // --- Voices and texts -----------------------------------------------------------------------------

  /** @param {('audio' | 'video' | 'screen')[] | null} sources */
  async announce(sources) {
    const on = sources !== null && sources.length > 0;
    await this.call('announce', on ? { on, sources } : { on });
    this.#model.announce(on ? sources : []);
  }

  /** @param {{ client: string } | { room: string } | { room_id: string } | null} target */
  async whisper(target) {
    const to = target && 'room' in target ? { room_id: target.room } : target;
    await this.call('whisper', to ? { to, on: true } : { on: false });
    this.#model.whisper(to);
  }

  /** @param {string[]} rooms @param {string | null} [listen] */
  async monitor(rooms, listen) {
    await this.call('monitor', { rooms, listen });
    this.#model.monitor(rooms, listen);
  }

  /** @param {string} text @param {string[]} [rooms] */
  async broadcast(text, rooms) {
    await this.call('broadcast', { text, rooms });
  }

  /** @param {string} text @param {string} [to] */
  async chat(text, to) {
    await this.call('chat', { text, to });
  }

  /** @param {{ question: string, options: string[], rooms?: string[] }} poll @returns {Promise<number>} */
  async createPoll(poll) {
    return (await this.call('poll.create', poll)).poll;
  }

  /** @param {number} poll @param {number} option */
  async vote(poll, option) {
    await this.call('poll.vote', { poll, option });
    this.#model.voted(poll, option);
  }

  /** @param {number} poll */
  async closePoll(poll) {
    await this.call('poll.close', { poll });
  }

  async askForHelp() {
    await this.call('help.ask');
    this.#model.askedForHelp();
  }

  /** @param {string} room */
  async resetHelp(room) {
    await this.call('help.reset', { room_id: room });
  }

  // --- Notifications ----------------------------------------------------------------------------------

  /** @param {string} method @param {any} params */
  #notified(method, params) {
    if (!this.#model.isNews(params)) return;
    this.#model.apply(method, params);
    if (method === 'slots') this.#media.assign(params.slots);
    this.#rebalance();
    this.#tell(method, params);
    if (!['slots', 'speaking', 'layers'].includes(method)) this.#tell('model');
    this.#tell('notification', { method, params });
    if (!this.#model.isPast(params)) this.#follow(method, params);
  }

  /** What has to be done about it. @param {string} method @param {any} params */
  #follow(method, params) {
    const { self } = this;
    if (method === 'reconnect') {
      // Taken over by another page with this id: to come back would take it away from there again.
      if (params.reason !== 'replaced') this.#connection.lost(params.reason ?? '');
      else if (!this.#connection.joining) this.#connection.close('replaced', 'You joined this meeting from somewhere else.');
    } else if (method === 'user_left' && params.participant === this.id && params.reason !== 'moved') {
      if (params.reason === 'kicked') this.#connection.close('kicked', 'You were taken out of this meeting.');
      else this.#connection.close('ended', 'The meeting is over.');
    } else if (method === 'peer_updated' && self && params.participant.id === this.id) {
      for (const kind of /** @type {const} */ (['audio', 'video'])) {
        if (self.muted[kind]) this.#muted.add(kind);
        else this.#muted.delete(kind);
      }
      if (self.role !== this.role) void this.#connection.refresh(); // what it may do, only `join` says
    }
  }

  #devicesChanged = () => this.#tell('devices');

  /** How loud somebody is to be heard. @param {string} participant */
  #loudness(participant) {
    const { participants, parent, voices } = this.#model;
    const fromMain = this.room !== 'main' && participants.get(participant)?.room === 'main';
    return fromMain && !voices.has(participant) ? parent.gain / 100 : 1; // who announces is not made softer
  }

  /** Volumes follow rooms, people and the relay's hint. */
  #rebalance() {
    this.#media.balance();
    const balance = `${this.room} ${this.parent.gain}`;
    if (balance === this.#balance) return;
    this.#balance = balance;
    this.#tell('gain');
  }

  /** Many changes, one `change`. @param {string} type @param {unknown} [detail] */
  #tell(type, detail) {
    this.dispatchEvent(detail === undefined ? new Event(type) : new CustomEvent(type, { detail }));
    if (this.#changeAsked) return;
    this.#changeAsked = true;
    queueMicrotask(() => {
      this.#changeAsked = false;
      this.dispatchEvent(new Event('change'));
    });
  }
}
