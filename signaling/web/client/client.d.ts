/** Types of `@ringfence/client`. What each does is said here; README.md has an example for every task. */

export type Source = 'microphone' | 'screen_audio' | 'camera' | 'screen' | 'canvas';
export type Kind = 'audio' | 'video';
export type State = 'idle' | 'connecting' | 'joined' | 'reconnecting' | 'closed';
export type VoiceKind = 'announce' | 'whisper';
export type Announced = 'audio' | 'video' | 'screen';

export interface Options {
  /** Of the WebSocket; default: `/v1/rpc` of the page's own host. */
  url?: string;
  /** Not needed on loopback in development mode. */
  token?: string;
  /** Without a token: which meeting. */
  meeting?: string;
  /** Without a token: the name to be known by. */
  name?: string;
  /** Without a token: the participant to be. */
  id?: string;
  /** Without a token: by which lists of people (CSV) know this one. */
  email?: string;
  /** Voices that are heard at once; default 4. */
  audioSlots?: number;
  /** Pictures that are seen at once; default 16. */
  videoSlots?: number;
  /** Offers three layers of the camera, for a relay that takes them; one that does not gets the whole picture. Default false. */
  layers?: boolean;
  /** Commands on the plan are refused if somebody else changed it since; default false. */
  checked?: boolean;
}

export interface Room {
  id: string;
  name: string;
  /** Who is in it, as far as this one may see; empty and `count` instead where they are too many. */
  participants: string[];
  /** Who belongs in it and is not. */
  assigned: string[];
  /** How many more are expected from a list. */
  expected: number;
  capacity: number | null;
  count: number | null;
  /** Asks for help. */
  help: boolean;
  /** Its own time was over, and it was not opened again. To those who see all rooms. */
  closed: boolean;
  /** Epoch, ms. */
  endsAt: number | null;
}

export interface Participant {
  id: string;
  name: string;
  role: string;
  /** null: where this one can not see. */
  room: string | null;
  /** Microphone and camera; the others where they are muted, too. */
  muted: { audio: boolean; video: boolean; screen?: boolean; screen_audio?: boolean; canvas?: boolean };
  /** In a breakout with the main room paused, or where this one can not see. */
  paused: boolean;
}

/** Who is heard or seen on one receiving line. The stream stays; the participant changes. */
export interface Slot {
  mid: string;
  kind: Kind;
  participant: string | null;
  source: Source | null;
  stream: MediaStream;
  /** `performance.now()` when it became this participant's. */
  since: number;
}

/** The main room, as it is had inside a breakout. */
export interface Parent {
  paused: boolean;
  audioMuted: boolean;
  videoMuted: boolean;
  /** How loud to play it, in percent; `attach` does. */
  gain: number;
}

export interface Invitation {
  room: string;
  name: string;
  /** Empty where the server did not say again. */
  requestor: string;
  /** Epoch, ms; null: it does not expire. */
  expiresAt: number | null;
}

export interface Timer {
  /** Epoch, ms. */
  endsAt: number;
  closing: boolean;
  /** null: of all breakouts. */
  room: string | null;
}

export interface Message {
  kind: 'chat' | 'broadcast';
  from: string;
  /** One person, or null. */
  to: string | null;
  room: string | null;
  text: string;
  /** Epoch, ms. */
  at: number;
  own: boolean;
}

export interface Poll {
  poll: number;
  from: string;
  question: string;
  options: string[];
  votes: number[];
  open: boolean;
  /** What this one chose. */
  own: number | null;
}

/** What the role may publish, and how good a picture: `publish` sends no more lines and bits, whatever the track has. */
export interface Sends {
  audio: boolean;
  video: boolean;
  share: boolean;
  canvas: boolean;
  caps: {
    video_height?: number;
    screen_height?: number;
    video_bps?: number | null;
    screen_bps?: number | null;
  };
}

export interface View {
  participant: string;
  source: Source;
  /** In pixels; 0: none. */
  height: number;
}

export interface SlotStats {
  fps: number;
  width: number;
  height: number;
  bps: number;
}

/** Rates are over the time since the last call. */
export interface Stats {
  rttMs: number | null;
  up: { bps: number; lossPercent: number };
  /** `freezes`: since the connection began. */
  down: { bps: number; lossPercent: number; freezes: number };
  /** By mid. */
  slots: Map<string, SlotStats>;
}

/** A media element, or what has these of it. */
export interface AttachedElement {
  srcObject: MediaProvider | null;
  volume: number;
}

export interface NewRooms {
  count?: number;
  names?: string[];
  /** Most people in each. */
  capacity?: number;
  audio?: boolean;
  video?: boolean;
  share?: boolean;
  canvas?: boolean;
}

/** Plan and people of the breakout rooms. */
export interface Breakout {
  /** Gives the ids of the new rooms. */
  create(options?: NewRooms): Promise<string[]>;
  createAndInvite(options?: NewRooms & { force?: boolean }): Promise<string[]>;
  assign(clients: string[], room: string): Promise<void>;
  unassign(clients: string[]): Promise<void>;
  shuffle(options?: {
    strategy?: 'random' | 'even' | 'by_capacity' | 'by_attribute';
    seed?: number;
    attribute?: string;
  }): Promise<void>;
  /** Columns `room_name,first_name,last_name,email`. */
  importCsv(text: string): Promise<any>;
  rename(room: string, name: string): Promise<void>;
  delete(room: string): Promise<void>;
  reset(): Promise<void>;
  /** `timer`: seconds. */
  start(options?: { consent?: 'ask' | 'force' | 'auto_on_start'; timer?: number }): Promise<void>;
  /** `grace`: seconds until people are brought back. */
  stop(options?: { grace?: number }): Promise<void>;
  extend(seconds: number, room?: string): Promise<void>;
  /** `timeout`: seconds. */
  invite(clients: string[], room: string, options?: { force?: boolean; timeout?: number }): Promise<void>;
  join(room: string, options?: {
    role?: 'participant' | 'moderator';
    audio?: boolean;
    video?: boolean;
    screen?: boolean;
    canvas?: boolean;
  }): Promise<void>;
  reject(room: string): Promise<void>;
  /** Back to the main room. */
  leave(): Promise<void>;
  /** At once; `main` is a room too. */
  move(clients: string[], room: string): Promise<void>;
  exchange(a: string, b: string): Promise<void>;
  leaveAll(): Promise<void>;
  clearAll(): Promise<void>;
  destroyAll(): Promise<void>;
}

/** The main room while inside a breakout. */
export interface MainRoom {
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** How loud this one plays it inside from now on, in percent, whatever the meeting says. Nobody else notices. */
  gain(percent: number): void;
  mute(kinds?: { audio?: boolean; video?: boolean }): Promise<void>;
  unmute(kinds?: { audio?: boolean; video?: boolean }): Promise<void>;
}

export interface People {
  mute(client: string, kind: Kind | Source): Promise<void>;
  kick(client: string): Promise<void>;
}

export interface Roles {
  /** `force`: without asking them. */
  change(client: string, role: string, options?: { force?: boolean }): Promise<void>;
  accept(): Promise<void>;
  reject(): Promise<void>;
}

interface Told {
  /** The number of the event; states have none. */
  seq?: number;
}

/** What the server tells, under its names on the wire. */
export interface Notifications {
  user_joined: Told & { participant: any; room_id?: string | null };
  user_left: Told & { participant: string; room_id: string; reason: string };
  breakout_created: Told & { rooms: { id: string; name: string }[] };
  /** With `clients`: to those who manage. Without: to the invited. */
  breakout_invited: Told & {
    room_id: string;
    name: string;
    requestor: string;
    clients?: string[];
    expires_s?: number | null;
  };
  breakout_joining: Told & { room_id: string; requestor: string };
  breakout_connected: Told & { room_id: string; name: string };
  breakout_error: Told & { result: number; msg: string };
  invite_rejected: Told & { room_id: string; client_id: string; name: string; reason: string };
  breakout_left: Told & { room_id: string; reason: string };
  breakout_user_disconnected: Told & { room_id: string; client_id: string; name: string; reason: string };
  breakout_destroyed: Told & { room_id: string; reason: string };
  all_destroyed: Told;
  meeting_changed: Told & { room_id: string; parent: any };
  plan_changed: Told & { revision: number; state?: string | null; rooms: any[]; people?: any[] };
  timer: Told & { remaining_s: number; room_id?: string | null; closing: boolean };
  broadcast: Told & { from: string; text: string };
  help_asked: Told & { room_id: string; from: string };
  help_reset: Told & { room_id: string };
  role_change_asked: Told & { role: string; requestor: string };
  role_changed: Told & { participant: string; role: string; accepted: boolean };
  peer_updated: Told & { participant: any };
  chat: Told & { from: string; text: string; room_id?: string | null; to?: string | null };
  poll_changed: Told & {
    poll: number;
    from: string;
    question: string;
    options: string[];
    votes: number[];
    open: boolean;
  };
  voice: Told & { from: string; kind: VoiceKind; on: boolean };
  slots: { slots: { mid: string; participant?: string | null; source?: Source | null }[] };
  speaking: { participants: string[] };
  layers: { source: 'camera' | 'screen' | 'canvas'; active: boolean };
  reconnect: { reason: string };
}

/** All events: those of the server, and those of the library. State is changed before any of them. */
export type RingfenceEvents = { [K in keyof Notifications]: CustomEvent<Notifications[K]> } & {
  /** Something changed; many changes at once are one event. */
  change: Event;
  /** `state`, `error`, or the state of the media connection. */
  state: Event;
  /** People, rooms, plan, timer, parent, invitations, polls, messages, …: anything but media. */
  model: Event;
  /** A new RTCPeerConnection, with new slots. */
  peer: Event;
  /** Volumes changed. */
  gain: Event;
  /** What is sent of a source is another track, or none. */
  published: CustomEvent<{ source: Source; track: MediaStreamTrack | null }>;
  /** A device was lost: it goes on with `track`, or is off. */
  device: CustomEvent<{ source: Source; track: MediaStreamTrack | null }>;
  /** Devices were plugged in or out: lists of them are to be made anew. */
  devices: Event;
  /** Each notification, as received. */
  notification: CustomEvent<{ method: string; params: any }>;
};

/** A participant's way into a meeting. */
export class Ringfence extends EventTarget {
  constructor(options?: Options);

  // State, readable at any time. Lists, maps and sets are replaced when they change, never altered.
  readonly state: State;
  /** Why the connection was lost or refused, for people to read. */
  readonly reason: string;
  /** The same for programs: `ConnectionError`, `RpcError` or another. */
  readonly error: Error | null;
  /** Own id; empty until joined. */
  readonly id: string;
  readonly meeting: string;
  readonly role: string;
  /** Id of the room this one is in; `main` until told otherwise. */
  readonly room: string;
  readonly self: Participant | undefined;
  readonly permissions: Set<string>;
  /** Roles of the meeting, if this one may give them to people (`roles.change`); else none. */
  readonly roleNames: string[];
  readonly sends: Sends;
  readonly plan: { state: 'draft' | 'started'; revision: number };
  /** `main` first. */
  readonly rooms: Room[];
  readonly participants: Map<string, Participant>;
  /** What somebody is called, also one who is heard and not seen here; of whom nothing is known, the id. */
  nameOf(id: string): string;
  /** Who speaks of those one hears, loudest first; 16 at most. */
  readonly speaking: string[];
  /** Own pictures (`camera`, `screen`, `canvas`) that somebody is shown. Nothing is done about the others. */
  readonly watched: Set<string>;
  /** In the order of the offer, audio first. */
  readonly slots: Slot[];
  readonly parent: Parent;
  /** To this one, not answered yet. */
  readonly invitations: Invitation[];
  /** What ends first of what concerns this one. */
  readonly timer: Timer | null;
  /** Ids of rooms that ask for help. */
  readonly help: Set<string>;
  readonly polls: Map<number, Poll>;
  readonly messages: Message[];
  /** Who speaks to this one beyond the room just now. */
  readonly voices: Map<string, VoiceKind>;
  /** A role this one is asked to take. */
  readonly roleAsked: { role: string; requestor: string } | null;
  readonly announcing: string[];
  readonly whispering: { client: string } | { room_id: string } | null;
  readonly monitoring: string[];
  /** Which of the monitored rooms is heard; undefined: all of them. */
  readonly listening: string | null | undefined;
  /** The one connection; replaced only when the server has lost it. */
  readonly peer: RTCPeerConnection | null;
  /** More than one only after a loss. */
  readonly peersBuilt: number;

  readonly breakout: Breakout;
  readonly main: MainRoom;
  readonly people: People;
  readonly roles: Roles;

  /** Whether the role permits it: `breakout.manage`, `voice.announce`, … */
  can(permission: string): boolean;
  /**
   * Joins, and stays joined over lost connections until `leave`. Resolves when media is negotiated. Rejects if
   * the very first attempt fails; nothing is retried then.
   */
  connect(): Promise<void>;
  /** Leaves the meeting for good. */
  leave(): Promise<void>;
  /** Any method of the server. */
  call(method: string, params?: object): Promise<any>;

  /** Sends `track` as `source`, or nothing. Needs no negotiation, works at any time, holds over reconnections. */
  publish(source: Source, track: MediaStreamTrack | null): Promise<void>;
  published(source: Source): MediaStreamTrack | null;
  /** Goes on with another device; listeners of the former track are told of the new one. Of a source that is off: nothing. */
  use(source: Source, deviceId: string): Promise<void>;
  /** Which videos are wanted, the most wanted first. The server fills the video slots by it. */
  view(videos: View[]): Promise<void>;
  /** Stops own audio or video in the server, for everybody. */
  mute(kind: Kind): Promise<void>;
  unmute(kind: Kind): Promise<void>;
  /** Plays a slot in an element, over new connections too: `srcObject`, and `volume` by `gain`. Gives what ends it. */
  attach(slot: Slot, element: AttachedElement): () => void;
  /** Own volume of a person, 0 to 1; multiplied with the relay's hint when the main room is ducked. */
  gain(participant: string, value?: number): number;
  /** How loud each voice is that comes in just now, by participant: 0 to 1 of full scale. Who is not in it is not received. */
  levels(): Map<string, number>;
  stats(): Promise<Stats>;
  /** New ICE credentials for the same connection. */
  restartIce(): Promise<void>;

  /** Own sources to all rooms; null: to the own room again. */
  announce(sources: Announced[] | null): Promise<void>;
  /** Own voice to one person or room instead of the own room; null: no more. */
  whisper(target: { client: string } | { room: string } | { room_id: string } | null): Promise<void>;
  /** Rooms that are seen from elsewhere; of these `listen` is heard, none if it is null, all if it is not said. */
  monitor(rooms: string[], listen?: string | null): Promise<void>;
  /** Text to all breakouts, or to these rooms. */
  broadcast(text: string, rooms?: string[]): Promise<void>;
  /** Text to the own room, to a person, or (who manages) to a room. */
  chat(text: string, to?: string): Promise<void>;
  /** Gives its number. */
  createPoll(poll: { question: string; options: string[]; rooms?: string[] }): Promise<number>;
  vote(poll: number, option: number): Promise<void>;
  closePoll(poll: number): Promise<void>;
  askForHelp(): Promise<void>;
  resetHelp(room: string): Promise<void>;

  addEventListener<K extends keyof RingfenceEvents>(
    type: K,
    listener: ((event: RingfenceEvents[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof RingfenceEvents>(
    type: K,
    listener: ((event: RingfenceEvents[K]) => void) | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** An error the server answered with. `data` says which field is meant. */
export class RpcError extends Error {
  constructor(code: number, message: string, data: unknown);
  code: number;
  data: unknown;
}

/**
 * `unreachable`: no WebSocket. `refused`, `expired`: the token. `udp_blocked`: the WebSocket works, media does not.
 * `replaced`: joined from somewhere else. `kicked`: taken out by a host. `ended`: the meeting is over.
 */
export type ConnectionErrorKind = 'unreachable' | 'refused' | 'expired' | 'udp_blocked' | 'replaced' | 'kicked' | 'ended';
export class ConnectionError extends Error {
  constructor(kind: ConnectionErrorKind, message: string, cause?: unknown);
  kind: ConnectionErrorKind;
}

export type DeviceErrorKind = 'refused' | 'missing' | 'busy' | 'insecure';
export class DeviceError extends Error {
  constructor(source: Source, kind: DeviceErrorKind, message: string, cause?: unknown);
  source: Source;
  kind: DeviceErrorKind;
}

export interface DeviceOptions {
  deviceId?: string;
  /** Of a camera; default 1280 × 720. */
  width?: number;
  height?: number;
}

/** Opens a device: one track, or for a screen with sound two. Throws `DeviceError`. */
export function openDevice(source: Source, options?: DeviceOptions): Promise<MediaStreamTrack[]>;
