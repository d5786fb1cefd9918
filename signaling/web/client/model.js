/**
 * The meeting as this participant sees it: what the answer to `join` says, changed by one notification after
 * the other. No socket, no media, no timer of its own.
 *
 * After a lost connection the server tells again what was missed. The answer to `join` is newer than those
 * events, so of them only that is taken which the answer does not have: messages, polls, votes on roles.
 */

/** @import { Invitation, Message, Parent, Participant, Poll, Room, Sends, Timer, VoiceKind } from './client.d.ts' */

const MAIN = 'main';
/** Messages that are kept; older ones go. */
const MESSAGES_MAX = 500;
/** What the answer to `join` has, and newer. */
const IN_SNAPSHOT = new Set(['user_joined', 'user_left', 'breakout_created', 'breakout_destroyed', 'meeting_changed',
  'plan_changed', 'peer_updated', 'breakout_connected', 'breakout_left', 'all_destroyed', 'invite_rejected', 'voice']);

/** @param {any} view @returns {Room} */
function roomOf({ id, name, participants = [], assigned = [], expected = 0, capacity, count, help = false, closed = false, ends_at }) {
  const [most, number, endsAt] = [capacity ?? null, count ?? null, ends_at ?? null];
  return { id, name, participants, assigned, expected, capacity: most, count: number, help, closed, endsAt };
}

/** @param {any} view @returns {Participant} */
function personOf({ id, name, role = '', room, muted, paused = false }) {
  return { id, name, role, room: room ?? null, muted: muted ?? { audio: false, video: false }, paused };
}

/** @param {any} view @returns {Parent} */
function parentOf({ paused = false, audio_muted = false, video_muted = false, gain = 100 } = {}) {
  return { paused, audioMuted: audio_muted, videoMuted: video_muted, gain };
}

export class Model {
  id = '';
  meeting = '';
  role = '';
  room = MAIN;
  /** @type {Set<string>} */ permissions = new Set();
  /** Of the meeting, for who may give them. @type {string[]} */ roleNames = [];
  /** @type {Sends} */ sends = { audio: true, video: true, share: true, canvas: true, caps: {} };
  /** @type {{ state: 'draft' | 'started', revision: number }} */ plan = { state: 'draft', revision: 0 };
  /** @type {Room[]} */ rooms = [roomOf({ id: MAIN, name: 'Main room' })];
  /** @type {Map<string, Participant>} */ participants = new Map();
  /** @type {string[]} */ speaking = [];
  /** Own pictures that somebody is shown. @type {Set<string>} */ watched = new Set();
  parent = parentOf({});
  /** How loud this one wants the main room inside; null: as the meeting says. @type {number | null} */ #gain = null;
  /** @type {Invitation[]} */ invitations = [];
  /** @type {Set<string>} */ help = new Set();
  /** @type {Map<number, Poll>} */ polls = new Map();
  /** @type {Message[]} */ messages = [];
  /** @type {Map<string, VoiceKind>} */ voices = new Map();
  /** @type {Map<string, string>} of those who spoke or wrote */ #names = new Map();
  /** @type {{ role: string, requestor: string } | null} */ roleAsked = null;
  /** @type {string[]} */ announcing = [];
  /** @type {{ client: string } | { room_id: string } | null} */ whispering = null;
  /** @type {string[]} */ monitoring = [];
  /** Which of these is heard; undefined: all. @type {string | null | undefined} */ listening;
  /** The last event known: a later `join` asks for what came after. @type {number | undefined} */ resume = undefined;

  /** Number of the newest event that was told: it is not told twice. */ #told = 0;
  /** What the last answer to `join` contains. */ #snapshot = 0;
  /** By room, '': of all. @type {Map<string, { endsAt: number, closing: boolean }>} */ #timers = new Map();
  /** How far this clock is ahead of the server's, in ms. */ #ahead = 0;
  /** To whom was asked to whisper last. @type {{ client: string } | { room_id: string } | null} */ #target = null;

  #changed;

  /** @param {() => void} changed called when something changes by an own request, not by a notification */
  constructor(changed) {
    this.#changed = changed;
  }

  /** @param {string} permission */
  can(permission) {
    return this.permissions.has(permission);
  }

  /** What ends first of what concerns this participant. @returns {Timer | null} */
  get timer() {
    /** @type {Timer | null} */
    let first = null;
    for (const room of ['', this.room]) {
      const timer = this.#timers.get(room);
      if (timer && (!first || timer.endsAt < first.endsAt)) first = { ...timer, room: room || null };
    }
    return first;
  }

  /** The answer to `join`. @param {any} answer */
  join(answer) {
    const followed = answer.resume === 'events'; // what was missed is told after this
    this.id = answer.participant;
    this.meeting = answer.meeting;
    this.role = answer.role;
    this.room = answer.room ?? MAIN;
    this.permissions = new Set(answer.permissions ?? []);
    this.roleNames = answer.roles ?? [];
    const { media, caps = {} } = answer.publish ?? {};
    if (media) this.sends = { ...media, caps };
    this.parent = this.#parentOf(answer.parent);
    if (answer.now !== undefined) this.#ahead = Date.now() - answer.now;
    this.participants = new Map((answer.participants ?? []).map((/** @type {any} */ one) => [one.id, personOf(one)]));
    this.#adoptRooms(answer.rooms ?? [], true);
    this.session(answer);
    this.plan = { ...this.plan, revision: answer.revision ?? 0 };
    this.#invited(answer.invited ?? []);
    this.#snapshot = answer.seq ?? 0;
    this.#speaks(answer.voices ?? []);
    this.watched = new Set(); // what is, is told anew
    if (followed) return;
    this.resume = this.#snapshot;
    this.#told = 0;
    this.speaking = [];
    this.roleAsked = answer.role_asked ?? null;
    this.#asks(answer.polls ?? []);
  }

  /** Whether breakouts are open, and until when. @param {{ state?: string, ends_at?: number }} session */
  session({ state = 'draft', ends_at: endsAt }) {
    this.plan = { ...this.plan, state: state === 'draft' ? 'draft' : 'started' };
    if (endsAt) this.#timers.set('', { endsAt: endsAt + this.#ahead, closing: state === 'closing' });
    else this.#timers.delete('');
  }

  /** Whether an event was not told before. @param {any} params */
  isNews({ seq }) {
    if (seq === undefined) return true;
    if (seq <= this.#told) return false;
    this.#told = seq;
    this.resume = Math.max(this.resume ?? 0, seq);
    return true;
  }

  /** Whether the answer to `join` has more than this event. @param {any} params */
  isPast({ seq }) {
    return seq <= this.#snapshot;
  }

  /** Takes in a notification. @param {string} method @param {any} params */
  apply(method, params) {
    if (this.isPast(params) && IN_SNAPSHOT.has(method)) return;
    switch (method) {
      case 'user_joined': return this.#joined(params);
      case 'user_left': return this.#left(params);
      case 'peer_updated': return this.#updated(personOf(params.participant));
      case 'meeting_changed': return this.#moved(params);
      case 'plan_changed': return this.#planned(params);
      case 'breakout_created': return this.#created(params.rooms);
      case 'breakout_destroyed': return this.#destroyed(params.room_id);
      case 'breakout_connected': return this.#answered(params.room_id);
      case 'breakout_invited': return this.#invitedInto(params);
      case 'invite_rejected':
        if (params.client_id === this.id) this.#answered(params.room_id);
        return undefined;
      case 'timer': return this.#timed(params);
      case 'help_asked': return this.#helped(params.room_id, true);
      case 'help_reset': return this.#helped(params.room_id, false);
      case 'role_change_asked':
        this.roleAsked = { role: params.role, requestor: params.requestor };
        return undefined;
      case 'role_changed':
        if (params.participant === this.id) this.roleAsked = null;
        return undefined;
      case 'broadcast':
      case 'chat': return this.#said(method, params);
      case 'poll_changed': return this.#polled(params);
      case 'voice': return this.#voiced(params);
      case 'layers':
        if (params.active) this.watched.add(params.source);
        else this.watched.delete(params.source);
        return undefined;
      case 'speaking':
        this.speaking = params.participants;
        return undefined;
      default: return undefined;
    }
  }

  // --- What own requests change that nobody tells -------------------------------------------------

  /** @param {string} room */
  answered(room) {
    this.#answered(room);
    this.#changed();
  }

  /** @param {Partial<Parent>} change */
  changeParent(change) {
    this.parent = { ...this.parent, ...change };
    this.#changed();
  }

  /** @param {number} percent over moves and losses */
  playMain(percent) {
    this.#gain = percent;
    this.changeParent({ gain: percent });
  }

  /** @param {any} view @returns {Parent} */
  #parentOf(view) {
    const parent = parentOf(view);
    return { ...parent, gain: this.#gain ?? parent.gain };
  }

  /** @param {string[]} sources */
  announce(sources) {
    this.announcing = sources;
    this.#changed();
  }

  /** @param {{ client: string } | { room_id: string } | null} target */
  whisper(target) {
    this.#target = target;
    this.whispering = target;
    this.#changed();
  }

  /** @param {string[]} rooms @param {string | null} [listen] */
  monitor(rooms, listen) {
    this.monitoring = rooms;
    this.listening = listen;
    this.#changed();
  }

  answeredRole() {
    this.roleAsked = null;
    this.#changed();
  }

  /** @param {number} poll @param {number} option */
  voted(poll, option) {
    const known = this.polls.get(poll);
    if (known) this.polls = new Map(this.polls).set(poll, { ...known, own: option });
    this.#changed();
  }

  askedForHelp() {
    if (this.room !== MAIN) this.#helped(this.room, true);
    this.#changed();
  }

  // --- People and rooms ---------------------------------------------------------------------------

  /** @param {any} params */
  #joined({ participant, room_id: told }) {
    const room = told ?? participant.room ?? null;
    this.#put({ ...personOf(participant), room });
    this.#place(participant.id, room);
  }

  /** @param {any} params */
  #left({ participant: id, reason }) {
    const person = this.participants.get(id);
    const participants = new Map(this.participants);
    if (reason !== 'moved') participants.delete(id);
    // Where they are now is told to those who may see it; to others they are away.
    else if (person) participants.set(id, { ...person, room: null, paused: this.room === MAIN || person.paused });
    this.participants = participants;
    this.#place(id, null);
  }

  /** @param {Participant} person */
  #updated(person) {
    this.#put(person);
    this.#place(person.id, person.room);
    if (person.id === this.id && this.room !== MAIN) this.parent = { ...this.parent, paused: person.paused };
  }

  /** @param {any} params */
  #moved({ room_id: room, parent }) {
    this.room = room;
    this.parent = this.#parentOf(parent);
    this.#place(this.id, room);
    // Who does not see all rooms is told of timers inside breakouts only.
    if (room === MAIN && !this.can('breakout.presence')) this.#timers.clear();
  }

  /** @param {any} params */
  #planned({ revision, state, rooms, people = [] }) {
    this.plan = { state: state ? (state === 'draft' ? 'draft' : 'started') : this.plan.state, revision };
    for (const one of people) this.#put(personOf(one));
    this.#adoptRooms(rooms, false);
    if (state === 'draft') this.#timers.delete('');
  }

  /** @param {{ id: string, name: string }[]} rooms */
  #created(rooms) {
    const known = new Set(this.rooms.map((room) => room.id));
    this.rooms = [...this.rooms, ...rooms.filter((room) => !known.has(room.id)).map(roomOf)];
  }

  /** @param {string} id */
  #destroyed(id) {
    this.rooms = this.rooms.filter((room) => room.id !== id);
    this.#timers.delete(id);
    this.#helped(id, false);
    this.#answered(id);
    this.monitoring = this.monitoring.filter((room) => room !== id);
  }

  /**
   * Rooms that can be seen, with the people in them.
   * @param {any[]} views
   * @param {boolean} fresh whether where people are was just told of everybody
   */
  #adoptRooms(views, fresh) {
    const local = (/** @type {number | null} */ at) => (at === null ? null : at + this.#ahead);
    const rooms = views.map(roomOf).map((room) => ({ ...room, endsAt: local(room.endsAt) }));
    const main = this.rooms[0] ?? roomOf({ id: MAIN, name: 'Main room' });
    this.rooms = rooms.some((room) => room.id === MAIN) ? rooms : [{ ...main, participants: [] }, ...rooms];
    const listed = new Map(this.rooms.map((room) => [room.id, room]));
    const places = new Map(this.rooms.flatMap((room) => room.participants.map((id) => [id, room.id])));
    this.participants = new Map([...this.participants].map(([id, one]) => {
      const known = one.room !== null && (fresh || listed.get(one.room)?.count != null) ? one.room : null;
      const room = id === this.id ? this.room : places.get(id) ?? known;
      const gone = room === null && one.room !== null;
      return [id, { ...one, room, paused: room !== MAIN && (one.paused || gone) }];
    }));
    for (const room of this.rooms) if (room.endsAt === null) this.#timers.delete(room.id);
    for (const { id, endsAt } of this.rooms) {
      if (endsAt !== null && (fresh || !this.#timers.has(id))) this.#timers.set(id, { endsAt, closing: false });
    }
    if (this.can('breakout.presence')) this.help = new Set(this.rooms.filter((room) => room.help).map((room) => room.id));
    this.monitoring = this.monitoring.filter((room) => listed.has(room));
  }

  /** @param {Participant} person */
  #put(person) {
    this.participants = new Map(this.participants).set(person.id, person);
  }

  /** Nobody is in two rooms. @param {string} id @param {string | null} room null: in none that can be seen */
  #place(id, room) {
    this.rooms = this.rooms.map((one) => {
      const inside = one.participants.includes(id);
      if (inside === (one.id === room)) return one;
      const others = one.participants.filter((other) => other !== id);
      return { ...one, participants: inside ? others : [...others, id] };
    });
    const person = this.participants.get(id);
    if (person && room !== null && person.room !== room) this.#put({ ...person, room });
  }

  // --- Invitations, timers, help, voices, texts -------------------------------------------------------

  /** An invitation came to nothing, or there is nothing to answer any more. @param {string} room */
  #answered(room) {
    this.invitations = this.invitations.filter((one) => one.room !== room);
  }

  /** By the answer to `join`. @param {any[]} invited */
  #invited(invited) {
    this.invitations = invited.map(({ room_id: room, name, requestor, expires_s: seconds }) => (
      { room, name, requestor, expiresAt: seconds == null ? null : Date.now() + seconds * 1_000 }));
  }

  /** @param {any} params */
  #invitedInto({ room_id: room, name, requestor, clients = [], expires_s: seconds, seq }) {
    if (clients.length > 0) return; // told to those who manage: others were invited
    if (seq <= this.#snapshot && !this.invitations.some((one) => one.room === room)) return; // answered meanwhile
    const expiresAt = seconds == null ? null : Date.now() + seconds * 1_000;
    const others = this.invitations.filter((one) => one.room !== room);
    this.invitations = [...others, { room, name, requestor, expiresAt }];
  }

  /** @param {any} params */
  #timed({ remaining_s: seconds, room_id: room, closing }) {
    this.#timers.set(room ?? '', { endsAt: Date.now() + seconds * 1_000, closing });
    if (!room) this.plan = { ...this.plan, state: 'started' };
  }

  /** @param {string} room @param {boolean} asks */
  #helped(room, asks) {
    if (this.help.has(room) === asks) return;
    this.help = new Set([...this.help].filter((one) => one !== room));
    if (asks) this.help.add(room);
    this.rooms = this.rooms.map((one) => (one.id === room ? { ...one, help: asks } : one));
  }

  /** Somebody may speak or write who is not to be seen here. @param {string} id @param {string | undefined} name */
  #heardOf(id, name) {
    if (name) this.#names.set(id, name);
  }

  /** What somebody is called, here or elsewhere; the id of whom nothing is known. @param {string} id */
  nameOf(id) {
    return this.participants.get(id)?.name || this.#names.get(id) || id;
  }

  /** @param {'chat' | 'broadcast'} kind @param {any} params */
  #said(kind, { from, name, text, to = null, room_id: room = null }) {
    this.#heardOf(from, name);
    const message = { kind, from, to, room, text, at: Date.now(), own: from === this.id };
    this.messages = [...this.messages, message].slice(-MESSAGES_MAX);
  }

  /** @param {any} params */
  #polled({ poll, from, question, options, votes, open }) {
    const own = this.polls.get(poll)?.own ?? null;
    this.polls = new Map(this.polls).set(poll, { poll, from, question, options, votes, open, own });
  }

  /** By the answer to `join`, which has the polls that are open: of others the end was missed. @param {any[]} open */
  #asks(open) {
    this.polls = new Map([...this.polls].map(([poll, known]) => [poll, { ...known, open: false }]));
    for (const poll of open) this.#polled(poll);
  }

  /** By the answer to `join`: who speaks to more than a room, this one too if it came back. @param {any[]} voices */
  #speaks(voices) {
    const others = voices.filter(({ from }) => from !== this.id);
    for (const { from, name } of others) this.#heardOf(from, name);
    this.voices = new Map(others.map(({ from, kind }) => [from, kind]));
    for (const { from, kind, sources, room_id: room, client } of voices) {
      if (from !== this.id) continue;
      if (kind === 'announce') this.announcing = sources;
      else this.whispering = room ? { room_id: room } : { client };
    }
  }

  /** @param {any} params */
  #voiced({ from, name, kind, on }) {
    this.#heardOf(from, name);
    if (from === this.id) {
      if (kind === 'announce' && !on) this.announcing = [];
      if (kind === 'whisper') this.whispering = on ? this.#target : null;
      return;
    }
    const voices = new Map(this.voices);
    if (on) voices.set(from, kind);
    else if (voices.get(from) === kind) voices.delete(from);
    this.voices = voices;
  }
}
