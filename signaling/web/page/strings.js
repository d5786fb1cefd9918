/** Every text of the page, by part. Another language is another file like this. */

export const strings = {
  title: 'Ringfence',
  you: 'You',
  server: 'The organiser',
  /** @param {string} room */
  titleOf: (room) => `${room} · Ringfence`,
  dialog: { cancel: 'Cancel', close: 'Close' },
  tabs: { people: 'People', chat: 'Chat', polls: 'Polls', rooms: 'Rooms' },
  sidebar: { label: 'Side panel', close: 'Close the side panel' },
  lobby: {
    lead: 'Meet, split into rooms, come back.',
    /** @param {string} name @param {string} meeting */
    invited: (name, meeting) => (
      [name && `You join as ${name}.`, meeting && `Meeting: ${meeting}.`].filter(Boolean).join(' ')),
    name: 'Your name',
    meeting: 'Meeting',
    meetingRule: 'Letters, digits, and . _ ~ -',
    join: 'Join',
    joining: 'Joining…',
    preview: 'Your camera',
    cameraOff: 'Your camera is off.',
    cameraStarts: 'Your camera is starting…',
    level: 'Level of your microphone',
  },
  devices: {
    microphone: 'Microphone',
    camera: 'Camera',
    speaker: 'Speaker',
    standard: 'Standard',
    lost: { microphone: 'The microphone is gone. You are muted.', camera: 'The camera is gone.' },
    changed: { microphone: 'The microphone is gone. Another one is used.', camera: 'Another camera is used.' },
    /** @param {string} kind @param {number} n */
    unnamed: (kind, n) => `${kind} ${n}`,
    faults: {
      microphone: {
        refused: 'The browser does not let this page use the microphone. Allow it at the left of the address, '
          + 'or join without.',
        missing: 'No microphone was found. Plug one in, or join without.',
        busy: 'Another program uses the microphone. Close it there and switch the microphone on again.',
        insecure: 'Browsers allow a microphone only on pages with https:// or on localhost.',
      },
      camera: {
        refused: 'The browser does not let this page use the camera. Allow it at the left of the address, '
          + 'or join without.',
        missing: 'No camera was found. Plug one in, or join without.',
        busy: 'Another program uses the camera. Close it there and switch the camera on again.',
        insecure: 'Browsers allow a camera only on pages with https:// or on localhost.',
      },
      screen: {
        refused: 'No screen was chosen.',
        missing: 'There is no screen to share.',
        busy: 'The system does not let the browser see the screen. Allow it screen recording in the settings.',
        insecure: 'Browsers allow sharing only on pages with https:// or on localhost.',
      },
    },
  },
  stage: {
    label: 'Participants',
    alone: 'Nobody else is in this room yet.',
    /** @param {string} name */
    screenOf: (name) => `${name}: screen`,
    yourScreen: 'Your screen',
    /** @param {string} name */
    canvasOf: (name) => `${name}: canvas`,
    yourCanvas: 'Your canvas',
    /** @param {number} count */
    more: (count) => `and ${count} more`,
    voices: { announce: 'speaks to everybody', whisper: 'whispers to you' },
  },
  controls: {
    label: 'Your media',
    microphoneOff: 'Mute (M)',
    microphoneOn: 'Unmute (M)',
    cameraOff: 'Camera off (V)',
    cameraOn: 'Camera on (V)',
    screen: 'Screen',
    mayNot: 'Your role does not send this.',
    screenOn: 'Share a screen (S)',
    screenOff: 'Stop sharing (S)',
    /** @param {string} tab @param {number} count */
    news: (tab, count) => `${tab}, ${count} new`,
    settings: 'Devices',
    leave: 'Leave',
    hear: 'Click to hear the others',
    reconnecting: 'Reconnecting…',
  },
  people: {
    search: 'Find a person',
    /** @param {number} n */
    count: (n) => (n === 1 ? 'Only you' : `${n} people`),
    /** @param {number} n */
    found: (n) => `${n} found`,
    /** @param {string} name */
    own: (name) => `${name} (you)`,
    /** @param {string} name */
    more: (name) => `More about ${name}`,
    /** @param {string} room */
    inRoom: (room) => `in ${room}`,
    away: 'in another room',
    paused: 'main room paused',
    help: 'asks for help',
    muted: 'muted',
    dark: 'camera off',
    write: 'Write to them alone',
    mute: 'Mute',
    darken: 'Switch off their camera',
    whisper: 'Whisper to them',
    noWhisper: 'Stop whispering',
    role: 'Change role …',
    /** @param {string} name */
    roleTitle: (name) => `Role of ${name}`,
    roleField: 'New role',
    roleForce: 'Without asking them',
    roleChange: 'Change',
    kick: 'Take out of the meeting',
    /** @param {string} name */
    kickTitle: (name) => `Take ${name} out?`,
    kickText: 'They can not come back to this meeting.',
  },
  chat: {
    log: 'Messages',
    empty: 'What you write here is seen by everybody in your room. It is not kept after the meeting.',
    to: 'To whom',
    /** @param {string} room */
    everybody: (room) => `To everybody in ${room}`,
    /** @param {string} name */
    only: (name) => `Only to ${name}`,
    placeholder: 'Write a message',
    send: 'Send',
    toAll: 'to all rooms',
    onlyYou: 'only to you',
    /** @param {string} name */
    onlyTo: (name) => `only to ${name}`,
    /** @param {string} name @param {string} text */
    whispered: (name, text) => `${name}, only to you: ${text}`,
    /** @param {number} n */
    unread: (n) => `${n} not read`,
  },
  polls: {
    create: 'New poll',
    empty: 'No polls yet.',
    question: 'Question',
    options: 'Answers',
    /** @param {number} n */
    option: (n) => `Answer ${n}`,
    more: 'One answer more',
    ask: 'Ask',
    close: 'End the poll',
    /** @param {string} from @param {number} votes @param {boolean} open */
    about: (from, votes, open) => `${from} · ${votes === 1 ? '1 vote' : `${votes} votes`}${open ? '' : ' · ended'}`,
    /** @param {number} share @param {number} votes */
    result: (share, votes) => `${share} % (${votes})`,
    /** @param {number} n */
    unanswered: (n) => `${n} to answer`,
  },
  inside: {
    announcing: 'You speak to all rooms',
    back: 'Main room',
    return: 'Return to the main room',
    volume: 'Main room: how it is heard here',
    /** @param {string} volume */
    volumeIs: (volume) => `Main room: ${volume}`,
    volumes: { keep: 'heard as usual', duck: 'quiet', mute: 'muted', pause: 'paused, no sound and no pictures' },
    help: 'Ask for help',
    helpAsked: 'Help was asked for',
    helpSeen: 'Your request for help was seen.',
    /** @param {string} room */
    moved: (room) => `You are in ${room} now.`,
    returned: 'You are back in the main room.',
    /** @param {string} name @param {string} room */
    invited: (name, room) => `${name} invites you to ${room}.`,
    /** @param {string} room */
    invitedBy: (room) => `You are invited to ${room}.`,
    /** @param {string} name @param {string} role */
    roleAsked: (name, role) => `${name} asks you to be ${role}.`,
    /** @param {string} role */
    roleNow: (role) => `Your role is ${role} now.`,
    /** @param {string} name */
    roleRejected: (name) => `${name} keeps their role.`,
    /** @param {string} time */
    expires: (time) => `${time} to answer`,
    accept: 'Accept',
    reject: 'Decline',
    dismiss: 'Dismiss',
    chatWorks: 'Chat works meanwhile.',
    /** @param {string} name */
    broadcast: (name) => `${name} to all rooms:`,
    /** @param {string} name @param {string} how */
    voice: (name, how) => `${name} ${how}`,
    /** @param {string} time */
    left: (time) => `${time} left`,
    /** @param {number} seconds */
    soon: (seconds) => (seconds > 50 ? 'One minute left.' : `${seconds} seconds left.`),
    /** @param {number} seconds */
    closing: (seconds) => `The rooms close in ${seconds} seconds.`,
  },
  ended: {
    left: 'You left the meeting.',
    refused: 'That did not work.',
    rejoin: 'Join again',
    back: 'To the start',
    kinds: {
      unreachable: {
        title: 'The server can not be reached.', text: 'Look whether this device is online, then try again.',
      },
      refused: { title: 'The server did not let you in.', text: 'Ask whoever invited you for a new link.' },
      expired: { title: 'Your invitation has expired.', text: 'Ask whoever invited you for a new link.' },
      udp_blocked: {
        title: 'Sound and pictures do not get through.',
        text: 'This network seems to block UDP. Try another network, or ask who runs it to let UDP through.',
      },
      replaced: {
        title: 'You joined from somewhere else.', text: 'The meeting goes on there. Join again to have it here.',
      },
      kicked: { title: 'You were taken out of the meeting.', text: 'Whoever runs it decided so.' },
      ended: { title: 'The meeting is over.', text: '' },
    },
  },
  /** What everybody sees of rooms; the texts of those who manage them are in rooms/strings.js. */
  rooms: {
    main: 'Main room',
    /** @param {number} n */
    people: (n) => (n === 1 ? '1 person' : `${n} people`),
    asksHelp: 'Asks for help',
    dismiss: 'Dismiss',
    conflict: 'Somebody else changed the rooms at the same moment. Nothing was done; look at them as they are now, '
      + 'and try again.',
    lead: 'You are in',
    none: 'There are no breakout rooms you can see. A host opens them.',
    return: 'To the main room',
    help: 'Ask for help',
    helpAsked: 'A host knows that you ask for help.',
    go: 'Go there',
    /** @param {string} room */ goTo: (room) => `Go to ${room}`,
    here: 'You are here',
  },
};
