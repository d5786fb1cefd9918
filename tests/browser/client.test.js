/** The client library without a browser: what it asks of a server, when it gives up, how loud it plays whom. */

import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { FakeTrack, devices, reset, server } from './fakes.js';
import { ConnectionError, DeviceError, Ringfence, RpcError } from '../../signaling/web/client/client.js';

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
const NO = { audio: false, video: false };

/** @param {object} [options] */
async function connected(options = {}) {
  const client = new Ringfence({ audioSlots: 0, videoSlots: 0, ...options });
  await client.connect();
  return client;
}

/** Any track of ours for one of a browser. @param {FakeTrack} track */
const asTrack = (track) => /** @type {MediaStreamTrack} */ (/** @type {unknown} */ (track));

describe('client', () => {
  beforeEach(() => {
    reset();
    Object.assign(devices, { fault: '', opened: [] });
  });

  test('what was muted is muted before media flows, and a refused token ends it', async () => {
    const client = await connected();
    await client.mute('audio');
    server.asked = [];
    server.socket.close();
    await pause(600);
    assert.deepEqual(server.asked, ['join', 'mute', 'offer']);
    server.refusal = { code: -32001, message: 'the token has expired' };
    server.socket.close();
    await pause(600);
    assert.equal(client.state, 'closed');
    assert.equal(client.reason, 'the token has expired');
    assert.ok(client.error instanceof ConnectionError && client.error.kind === 'expired');
  });

  test('unmuted without a connection, one is unmuted with the next one', async () => {
    server.answer.participants = [{ id: 'a', name: 'A', role: 'host', room: 'main', muted: { audio: true, video: false } }];
    const client = await connected();
    const closed = pause(600);
    server.socket.close();
    await client.unmute('audio');
    server.asked = [];
    await closed;
    assert.deepEqual(server.asked, ['join', 'unmute', 'offer']);
  });

  test('why nobody gets in is told by kind', async () => {
    for (const [closed, refusal, kind, code] of /** @type {const} */ ([
      [true, null, 'unreachable', undefined],
      [false, { code: -32001, message: 'the token has expired' }, 'expired', -32001],
      [false, { code: -32001, message: 'a token is needed' }, 'refused', -32001],
      [false, { code: -32003, message: 'the token is for another meeting' }, 'refused', -32003],
    ])) {
      Object.assign(server, { closed, refusal });
      const client = new Ringfence();
      const error = await client.connect().catch((thrown) => thrown);
      assert.ok(error instanceof ConnectionError, kind);
      assert.equal(error.kind, kind);
      assert.equal(error.cause instanceof RpcError ? error.cause.code : undefined, code);
      assert.deepEqual([client.state, client.error], ['closed', error]);
    }
    Object.assign(server, { closed: false, refusal: { code: -32013, message: 'the server is full' } });
    await assert.rejects(connected(), (error) => error instanceof RpcError && error.code === -32013);
  });

  test('a server that answers while media does not connect: UDP is blocked, until it is not', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const client = await connected();
    const kind = () => (client.error instanceof ConnectionError ? client.error.kind : client.error);
    t.mock.timers.tick(9_000);
    assert.equal(kind(), null);
    t.mock.timers.tick(2_000);
    assert.equal(kind(), 'udp_blocked');
    assert.equal(client.state, 'joined');
    server.peer.become('connected');
    assert.deepEqual([kind(), client.reason], [null, '']);
  });

  test('who joins from elsewhere, is taken out, or whose meeting ends, does not come back', async () => {
    for (const [method, params, kind] of /** @type {const} */ ([
      ['reconnect', { reason: 'replaced' }, 'replaced'],
      ['user_left', { participant: 'a', room_id: 'main', reason: 'kicked', seq: 5 }, 'kicked'],
      ['user_left', { participant: 'a', room_id: 'main', reason: 'ended', seq: 5 }, 'ended'],
    ])) {
      const client = await connected();
      server.socket.tell(method, params);
      assert.equal(client.state, 'closed', kind);
      assert.ok(client.error instanceof ConnectionError && client.error.kind === kind, kind);
    }
  });

  test('voices of a ducked main room are softer, those of the own room and announcements are not', async () => {
    server.answer = { ...server.answer, room: 'b1', parent: { gain: 20 }, rooms: [{ id: 'main', name: '', participants: ['ada', 'eve'] }, { id: 'b1', name: '', participants: ['a', 'bob'] }],
      participants: [['ada', 'main'], ['eve', 'main'], ['bob', 'b1'], ['a', 'b1']].map(([id, room]) => ({ id, name: id, role: '', room, muted: NO })) };
    server.slots = ['ada', 'bob', 'eve'].map((participant, at) => ({ mid: String(5 + at), participant, source: 'microphone' }));
    const client = new Ringfence({ audioSlots: 3, videoSlots: 0 });
    const elements = [5, 6, 7].map(() => ({ srcObject: null, volume: 1 }));
    client.addEventListener('peer', () => client.slots.forEach((slot, at) => client.attach(slot, elements[at] ?? assert.fail())));
    await client.connect();
    const volumes = () => elements.map((element) => element.volume);
    assert.deepEqual(volumes(), [0.2, 1, 0.2]);
    client.gain('ada', 0.5);
    client.gain('bob', 0.5);
    assert.deepEqual(volumes(), [0.1, 0.5, 0.2]);
    client.main.gain(60);
    assert.deepEqual(volumes(), [0.3, 0.5, 0.6], 'the own wish, not the rule of the meeting');
    server.socket.tell('meeting_changed', { room_id: 'b1', parent: { gain: 20 }, seq: 8 });
    assert.deepEqual([volumes(), client.parent.gain], [[0.3, 0.5, 0.6], 60], 'over moves');
    client.main.gain(20);
    assert.equal(client.gain('ada'), 0.5, 'the own volume, not the product');
    server.socket.tell('voice', { from: 'eve', kind: 'announce', on: true, seq: 9 });
    assert.deepEqual(volumes(), [0.1, 0.5, 1]);
    server.socket.tell('slots', { slots: [{ mid: '5', participant: 'bob', source: 'microphone' }] });
    assert.deepEqual(volumes(), [0.5, 0.5, 1], 'somebody else is in the slot');
    server.socket.tell('meeting_changed', { room_id: 'main', parent: { gain: 20 }, seq: 10 });
    server.socket.tell('voice', { from: 'eve', kind: 'announce', on: false, seq: 11 });
    assert.deepEqual(volumes(), [0.5, 0.5, 1], 'in the main room it is not ducked');
  });

  test('another device goes on in place of the first, and listeners of that are told of it', async () => {
    const client = await connected();
    const first = new FakeTrack('one');
    await client.publish('camera', asTrack(first));
    let ended = 0;
    first.addEventListener('ended', () => { ended += 1; });
    await client.use('camera', 'two');
    const [second] = devices.opened;
    assert.ok(second);
    assert.equal(client.published('camera'), second);
    assert.equal(server.peer.transceivers[1].sender.track, second);
    assert.deepEqual([second.deviceId, first.readyState, ended], ['two', 'ended', 0]);
    second.lose();
    await pause(0);
    assert.equal(ended, 1);
    assert.equal(client.published('camera'), null, 'a camera is not chosen for anybody');
    await client.use('microphone', 'two');
    assert.equal(devices.opened.length, 1, 'nothing is opened for a source that is off');
  });

  test('a microphone that is unplugged goes on with the system\'s own one; if there is none it is off', async () => {
    const client = await connected();
    /** @type {unknown[]} */ const told = [];
    client.addEventListener('device', ({ detail }) => told.push(detail.track));
    const first = new FakeTrack('headset');
    await client.publish('microphone', asTrack(first));
    first.lose();
    await pause(0);
    const [second] = devices.opened;
    assert.ok(second && client.published('microphone') === asTrack(second));
    first.lose(); // it is not this one that is sent
    await pause(0);
    assert.ok(devices.opened.length === 1 && client.published('microphone') === asTrack(second));
    devices.fault = 'NotFoundError';
    second.lose();
    await pause(0);
    assert.equal(client.published('microphone'), null);
    assert.deepEqual(told, [second, null]);
  });

  test('why a device can not be had is told by kind', async () => {
    const client = await connected();
    await client.publish('camera', asTrack(new FakeTrack('one')));
    for (const [name, kind] of [['NotAllowedError', 'refused'], ['NotFoundError', 'missing'], ['OverconstrainedError', 'missing']]) {
      devices.fault = name ?? '';
      await assert.rejects(client.use('camera', 'two'), (error) => error instanceof DeviceError && error.kind === kind && error.source === 'camera');
      assert.ok(client.published('camera'), 'the former one goes on');
    }
    devices.fault = 'NotReadableError';
    await assert.rejects(client.use('camera', 'two'), (error) => error instanceof DeviceError && error.kind === 'busy');
    assert.equal(client.published('camera'), null, 'it was let go for the other one');
  });

  test('a new role is learned by joining anew, without a break', async () => {
    server.answer.participants = [{ id: 'a', name: 'A', role: 'host', room: 'main', muted: NO }];
    server.answer.permissions = [];
    const client = await connected();
    server.peer.become('connected');
    const states = new Set();
    client.addEventListener('state', () => states.add(client.state));
    assert.deepEqual(client.roleNames, [], 'who may give none is told none');
    const permissions = ['breakout.switch', 'role.change'];
    Object.assign(server.answer, { role: 'speaker', permissions, roles: ['host', 'usher'], resumed: true });
    server.answer.participants[0].role = 'speaker';
    server.asked = [];
    server.socket.tell('peer_updated', { participant: server.answer.participants[0], seq: 3 });
    await pause(10);
    assert.deepEqual(server.asked, ['join']);
    assert.deepEqual([client.role, client.can('breakout.switch'), client.state], ['speaker', true, 'joined']);
    assert.deepEqual(client.roleNames, ['host', 'usher']);
    assert.ok(!states.has('reconnecting'), 'nobody sees it');
  });

  test('a plan that is checked is sent with its revision', async () => {
    server.answer.revision = 7;
    const client = await connected({ checked: true });
    const send = server.socket.send.bind(server.socket);
    /** @type {any} */ let sent;
    server.socket.send = (/** @type {string} */ text) => { sent = JSON.parse(text); send(text); };
    await client.breakout.start({ timer: 60 });
    assert.deepEqual(sent.params, { timer_s: 60, revision: 7 });
    await client.chat('hello');
    assert.deepEqual(sent.params, { text: 'hello' });
  });
});
