/** The client library without a browser: what it asks of a server, and when it gives up. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ringfence } from '../../signaling/web/client/client.js';

/** What was asked, in order. @type {string[]} */ const asked = [];
/** @type {any} */ let latest;
/** @type {any} */ let refusal;

class FakeSocket extends EventTarget {
  static OPEN = 1;
  readyState = 1;
  constructor() {
    super();
    latest = this;
    queueMicrotask(() => this.dispatchEvent(new Event('open')));
  }
  /** @param {string} text */
  send(text) {
    const { id, method } = JSON.parse(text);
    asked.push(method);
    const result = { participant: 'a', meeting: 'm', role: 'host', rooms: [], participants: [], slots: [], sdp: '' };
    const answer = method === 'join' && refusal ? { id, error: refusal } : { id, result };
    const event = Object.assign(new Event('message'), { data: JSON.stringify(answer) });
    queueMicrotask(() => this.dispatchEvent(event));
  }
  close() {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

class FakePeer extends EventTarget {
  connectionState = 'new';
  localDescription = { sdp: '' };
  addTransceiver() {
    return { sender: { replaceTrack: async () => {}, getParameters: () => ({ encodings: [] }) }, receiver: { track: { kind: 'audio' } }, mid: null };
  }
  async setLocalDescription() {}
  async setRemoteDescription() {}
  close() {}
}

test('what was muted is muted before media flows, and a refused token ends it', async () => {
  const fakes = { WebSocket: FakeSocket, RTCPeerConnection: FakePeer, MediaStream: class {} };
  Object.assign(globalThis, fakes, { location: { protocol: 'http:', host: 'x' } });
  const client = new Ringfence({ audioSlots: 0, videoSlots: 0 });
  await client.connect();
  await client.mute('audio');
  asked.length = 0;
  latest.close();
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(asked, ['join', 'mute', 'offer']);
  refusal = { code: -32001, message: 'the token has expired' };
  latest.close();
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(client.state, 'closed');
  assert.equal(client.reason, 'the token has expired');
});
