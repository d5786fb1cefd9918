/** Every text of the operator's page, by part. Another language is another file like this. */

/** @param {number} ms */
const time = (ms) => (ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`);
/** @param {number} count @param {string} one @param {string} several */
const counted = (count, one, several) => `${count.toLocaleString('en')} ${count === 1 ? one : several}`;

export const strings = {
  title: 'Ringfence operator',
  views: { graphs: 'Graphs', meetings: 'Meetings' },
  noAnswer: 'The server does not answer. Is it running, and is the network up? This page goes on trying.',
  /** @param {number} status */
  refused: (status) => `The server refused it (status ${status}). Its log says more.`,
  /** @param {number} alive @param {number} all */
  shards: (alive, all) => (alive < all ? `${alive} of ${all} run` : String(all)),

  gate: {
    title: 'Operator',
    lead: 'Meetings, graphs and the drain switch of this server.',
    token: 'Admin token',
    enter: 'Open',
    hint: 'Make one on the server, with its key in RINGFENCE_KEYS:',
    command: 'ringfence token --admin --ttl 8h',
    kept: 'It stays in this tab and is never part of an address.',
    /** @param {string} detail */
    unaccepted: (detail) => `The server does not accept this token: ${detail}. Make a new one with this server’s key.`,
    expired: 'This token has expired. Make a new one.',
    notAdmin: 'This token is good, but not an operator’s: it lacks video.roomAdmin. Make one with --admin.',
    noToken: 'This is no token. A token is one long word with two dots in it.',
    ended: 'Your token is no longer accepted. Enter a new one to go on.',
  },

  bar: {
    signOut: 'Forget token',
    /** @param {string} subject @param {string} until */
    who: (subject, until) => `${subject}, until ${until}`,
    open: 'no token needed here',
    /** @param {string} meeting */
    bound: (meeting) => `for meeting ${meeting} only`,
    live: 'Live',
    lost: 'No answer, trying again',
  },

  drain: {
    label: 'Drain',
    off: 'Takes new people',
    /** @param {number} live */
    on: (live) => `Draining: nobody new, ${counted(live, 'client', 'clients')} left`,
    /** @param {number} live */
    stopping: (live) => `Stopping: ends with the last of ${counted(live, 'client', 'clients')}`,
    askTitle: 'Drain this server?',
    ask: 'Nobody new is let in and no meeting begins. Who is here stays.',
    askConfirm: 'Drain',
    done: 'The server lets nobody new in.',
    undone: 'The server takes new people again.',
  },

  figures: {
    meetings: 'Meetings',
    people: 'People',
    packetsIn: 'Packets in',
    packetsOut: 'Packets out',
    latency: 'Latency p99',
    busiest: 'Busiest shard',
    memory: 'Memory',
    shards: 'Shards',
  },

  graphs: {
    waiting: 'The first graphs come with the second look at the counters, in two seconds.',
    nothing: 'Nothing was sent',
    span: 'Time shown',
    minutes: (/** @type {number} */ minutes) => `${minutes} min`,
    /** @param {number} ms */
    ago: (ms) => (ms === 0 ? 'now' : ms % 60_000 === 0 ? `−${ms / 60_000} min` : ms < 60_000 ? `−${ms / 1_000} s`
      : `−${Math.floor(ms / 60_000)}:${String(Math.round(ms / 1_000) % 60).padStart(2, '0')}`),
    /** @param {number} ms */
    when: (ms) => (ms < 1_000 ? 'now' : `${time(ms)} ago`),
    /** @param {number} ms */
    last: (ms) => `last ${time(ms)}`,
    shard: (/** @type {string} */ shard) => `Shard ${shard}`,
    way: (/** @type {string} */ from, /** @type {string} */ to) => `${from} → ${to}`,
    from: (/** @type {string} */ from) => `From ${from}`,
    quantile: (/** @type {number} */ share) => (share === 0.5 ? 'Median' : `p${Math.round(share * 100)}`),
    process: 'Resident',
    amounts: { meetings: 'Meetings', participants: 'People', peers: 'Peers', tracks: 'Tracks' },
    repair: {
      nacked: 'Asked again',
      again: 'Sent again',
      keyframes: 'Keyframes asked',
      kernel: 'Socket full',
      unsent: 'Not sent',
    },
    of: {
      packetsIn: { title: 'Packets in', about: 'RTP from publishers, by shard' },
      packetsOut: { title: 'Packets out', about: 'RTP forwarded to subscribers, by shard' },
      latency: { title: 'Forwarding latency', about: 'From a packet’s arrival to its sending, all shards' },
      latencyShards: { title: 'Latency p99 by shard', about: 'One packet in a hundred takes longer' },
      trains: { title: 'Datagrams per train', about: 'Mean by shard; longer trains cost less CPU' },
      trainSpread: { title: 'Train lengths', about: 'Share of trains by their number of datagrams' },
      busy: { title: 'Busy share', about: 'Time that a shard’s loop works instead of waiting' },
      cpu: { title: 'CPU by shard', about: 'CPU time of the shard’s thread, kernel included' },
      repair: { title: 'Loss and repair', about: 'Asked of publishers, sent again to subscribers, lost here' },
      drops: { title: 'Drops by reason', about: 'Packets that went nowhere, all shards' },
      amounts: { title: 'Meetings and peers', about: 'How many there are now' },
      memory: { title: 'Memory', about: 'Resident memory of the process' },
      mesh: { title: 'Between shards', about: 'Packets handed over, by way' },
      meshDelay: { title: 'Delay between shards', about: 'From the turn that sent to its taking' },
    },
  },

  /** Reasons of drops, as `src/shard/stats.rs` calls them. @type {Record<string, string>} */
  reasons: {
    bad_tag: 'Not authentic',
    cut: 'From before a move',
    early: 'Audience not known yet',
    late: 'Older than its slot',
    malformed: 'Malformed',
    muted: 'Muted',
    no_keys: 'No keys yet',
    no_route: 'Track has ended',
    over_cap: 'Over the role’s bits',
    overrun: 'Gone before sending',
    queue_full: 'Queue full',
    refused: 'Refused STUN or DTLS',
    replayed: 'Replayed',
    revoked: 'No longer allowed',
    too_old: 'Too old',
    unknown_source: 'Unknown sender',
    unknown_ssrc: 'Unknown stream',
    unsupported: 'Not negotiated',
  },

  meetings: {
    title: 'Meetings',
    filter: 'Find on this page',
    none: 'There is no meeting now.',
    noneMatch: 'No meeting on this page has this in its name.',
    choose: 'Choose a meeting to see its rooms and people.',
    previous: 'Previous',
    next: 'Next',
    people: (/** @type {number} */ count) => counted(count, 'person', 'people'),
    rooms: (/** @type {number} */ count) => counted(count, 'breakout', 'breakouts'),
    /** @type {Record<string, string>} */
    states: { draft: 'breakouts closed', started: 'breakouts open', closing: 'breakouts closing' },
    /** @param {string} left */
    endsIn: (left) => `closes in ${left}`,
  },

  meeting: {
    back: 'All meetings',
    mainRoom: 'Main room',
    nobody: 'Nobody is here.',
    gone: 'This meeting is over.',
    start: 'Open breakouts',
    stop: 'Close breakouts',
    broadcast: 'Write to rooms',
    end: 'End meeting',
    move: 'Move',
    kick: 'Remove',
    /** @param {string} name */
    moveWho: (name) => `Move ${name}`,
    /** @param {string} name */
    kickWho: (name) => `Remove ${name}`,
    muted: { audio: 'microphone off', video: 'camera off' },
    paused: 'main room paused',
    belongs: (/** @type {string} */ room) => `belongs to ${room}`,
  },

  ask: {
    /** @param {string} id */
    endTitle: (id) => `End meeting ${id}?`,
    /** @param {number} count */
    end: (count) => (
      `${counted(count, 'person leaves', 'people leave')} at once, and nothing of it is kept. This can not be undone.`),
    endConfirm: 'End meeting',
    ended: 'The meeting is over.',

    startTitle: 'Open the breakouts?',
    start: 'Everybody who belongs to a breakout goes there.',
    startConfirm: 'Open',
    consent: 'People are',
    consents: { default: 'moved at once, as the meeting says', force: 'moved at once', ask: 'asked first' },
    minutes: 'Close by themselves after (minutes; empty: never)',
    started: 'The breakouts are open.',

    stopTitle: 'Close the breakouts?',
    stop: 'Everybody comes back to the main room. Rooms and groups stay.',
    stopConfirm: 'Close',
    grace: 'After a warning of (seconds; 0: at once)',
    stopped: 'The breakouts are closing.',

    broadcastTitle: 'Write to rooms',
    text: 'Text',
    to: 'To',
    everywhere: 'Everybody',
    allBreakouts: 'All breakouts',
    broadcastConfirm: 'Send',
    sent: 'Sent.',

    /** @param {string} name */
    moveTitle: (name) => `Move ${name}?`,
    room: 'Into',
    moveConfirm: 'Move',
    /** @param {string} name @param {string} room */
    moved: (name, room) => `${name} is in ${room}.`,

    /** @param {string} name */
    kickTitle: (name) => `Remove ${name}?`,
    kick: 'They leave at once and can not come back until they are added again.',
    kickConfirm: 'Remove',
    /** @param {string} name */
    kicked: (name) => `${name} is out.`,
  },
};
