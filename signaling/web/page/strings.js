/** Every text of the page, by part. Another language is another file like this. */

export const strings = {
  title: 'Ringfence',
  mainRoom: 'Main room',
  you: 'You',
  /** @param {string} room */
  titleOf: (room) => `${room} · Ringfence`,
  dialog: { cancel: 'Cancel', close: 'Close' },
  tabs: { people: 'People', chat: 'Chat', polls: 'Polls', rooms: 'Rooms' },
  sidebar: { label: 'Side panel', close: 'Close the side panel' },
  lobby: {
    lead: 'Meet, split into rooms, come back.',
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
    standard: 'Standard of this device',
    /** @param {string} kind @param {number} n */
    unnamed: (kind, n) => `${kind} ${n}`,
    faults: {
      microphone: {
        refused: 'The browser does not let this page use the microphone. Allow it at the left of the address, or join without.',
        missing: 'No microphone was found. Plug one in, or join without.',
        busy: 'Another program uses the microphone. Close it there and switch the microphone on again.',
        insecure: 'Browsers allow a microphone only on pages with https:// or on localhost.',
      },
      camera: {
        refused: 'The browser does not let this page use the camera. Allow it at the left of the address, or join without.',
        missing: 'No camera was found. Plug one in, or join without.',
        busy: 'Another program uses the camera. Close it there and switch the camera on again.',
        insecure: 'Browsers allow a camera only on pages with https:// or on localhost.',
      },
      screen: {
        refused: 'No screen was chosen.',
        missing: 'There is no screen to share.',
        busy: 'The system does not let the browser see the screen. Allow screen recording for the browser in its settings.',
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
    people: 'People and rooms',
    chat: 'Chat',
    /** @param {number} count */
    unread: (count) => `Chat, ${count} not read`,
    settings: 'Devices',
    leave: 'Leave',
    hear: 'Click to hear the others',
    reconnecting: 'Reconnecting…',
  },
  people: {},
  chat: {},
  polls: {},
  inside: {},
  /** The rooms panel (page/rooms/). */
  rooms: {
    create: 'Create',
    count: 'Rooms',
    gather: 'Bring everyone back',
    go: 'Go here',
    back: 'Go back',
    /** @param {number} count @param {string} room */
    bring: (count, room) => `Move ${count} to ${room}`,
    /** @param {string} name */
    own: (name) => `${name} (you)`,
  },
};
