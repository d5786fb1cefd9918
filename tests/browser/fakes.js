/** Stand-ins for what browsers have and Node has not, so that the library's own decisions can be tested alone. */

/** What a server answers to `join` and `offer`, and anything else. @type {any} */
export const server = { asked: [], answer: {}, slots: [], refusal: null, closed: false, socket: null, peer: null };

/** As at the beginning. */
export function reset() {
  const answer = { participant: 'a', meeting: 'm', role: 'host', rooms: [], participants: [] };
  Object.assign(server, { asked: [], answer, slots: [], refusal: null, closed: false, socket: null, peer: null });
}

class FakeSocket extends EventTarget {
  static OPEN = 1;
  readyState = 1;
  constructor() {
    super();
    server.socket = this;
    queueMicrotask(() => (server.closed ? this.close() : this.dispatchEvent(new Event('open'))));
  }
  /** @param {string} text */
  send(text) {
    const { id, method, params } = JSON.parse(text);
    server.asked.push(method);
    const result = method === 'offer' ? { sdp: '', slots: server.slots } : method === 'join' ? server.answer : { params };
    const answer = method === 'join' && server.refusal ? { id, error: server.refusal } : { id, result };
    queueMicrotask(() => this.#receive(answer));
  }
  /** As from the server. @param {string} method @param {object} params */
  tell(method, params) {
    this.#receive({ method, params });
  }
  close() {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
  /** @param {object} message */
  #receive(message) {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }));
  }
}

class FakePeer extends EventTarget {
  connectionState = 'new';
  localDescription = { sdp: '' };
  /** @type {any[]} */ transceivers = [];
  constructor() {
    super();
    server.peer = this;
  }
  /** @param {string} kind @param {{ direction: string }} init */
  addTransceiver(kind, { direction }) {
    const sender = { track: null, replaceTrack: async (/** @type {any} */ track) => { sender.track = track; }, getParameters: () => ({ encodings: [] }) };
    const mid = String(this.transceivers.length);
    const transceiver = { mid, direction, sender, receiver: { track: { kind, enabled: true } } };
    this.transceivers.push(transceiver);
    return transceiver;
  }
  async setLocalDescription() {}
  async setRemoteDescription() {}
  /** @param {string} state */
  become(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
  close() {
    this.connectionState = 'closed';
  }
}

class FakeStream {
  /** @param {any[]} tracks */
  constructor(tracks) {
    this.tracks = tracks;
  }
  getTracks() {
    return this.tracks;
  }
}

/** A track of a device. */
export class FakeTrack extends EventTarget {
  enabled = true;
  contentHint = '';
  readyState = 'live';
  /** @param {string} deviceId '': of no device */
  constructor(deviceId) {
    super();
    this.deviceId = deviceId;
  }
  getSettings() {
    return { deviceId: this.deviceId };
  }
  stop() {
    this.readyState = 'ended';
  }
  /** Unplugged. */
  lose() {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

/** Opens what is asked for, or fails as told. @type {{ fault: string, opened: FakeTrack[] }} */
export const devices = { fault: '', opened: [] };

/** @param {any} constraints */
async function getUserMedia({ audio, video }) {
  if (devices.fault) throw Object.assign(new Error(devices.fault), { name: devices.fault });
  const track = new FakeTrack((audio || video).deviceId?.exact ?? 'system');
  devices.opened.push(track);
  return { getTracks: () => [track] };
}

Object.assign(globalThis, {
  WebSocket: FakeSocket, RTCPeerConnection: FakePeer, MediaStream: FakeStream, location: { protocol: 'http:', host: 'x' },
});
Object.defineProperty(globalThis, 'navigator', { value: { mediaDevices: { getUserMedia } }, configurable: true });
