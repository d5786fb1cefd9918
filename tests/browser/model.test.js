/** What the library makes of the server's answers and notifications, above all after a lost connection. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Model } from '../../signaling/web/client/model.js';

const NO = { audio: false, video: false };
/** @param {string} id @param {string | null} room */
const person = (id, room) => ({ id, name: id.toUpperCase(), role: 'participant', room, muted: NO });
/** @param {string} id @param {string[]} participants @param {object} [more] */
const room = (id, participants, more = {}) => ({ id, name: `Room ${id}`, participants, ...more });

/** @param {object} [more] */
function answer(more = {}) {
  return {
    participant: 'me', meeting: 'm', role: 'participant', room: 'main', permissions: [], revision: 3, state: 'draft',
    parent: { paused: false, audio_muted: false, video_muted: false, gain: 100 }, resumed: false, seq: 10,
    publish: { media: { audio: true, video: true, share: false, canvas: false }, caps: { video_height: 720 } },
    rooms: [room('main', ['me', 'bob'])], participants: [person('me', 'main'), person('bob', 'main')], ...more,
  };
}

/** @param {object} [more] of the answer to join */
function joined(more) {
  const model = new Model(() => {});
  model.join(answer(more));
  return model;
}

/** As the client does it. @param {Model} model @param {[string, any][]} events */
function tell(model, events) {
  for (const [method, params] of events) if (model.isNews(params)) model.apply(method, params);
}

/** @param {Model} model */
const texts = (model) => model.messages.map((message) => message.text);

describe('model', () => {
  test('who comes while somebody speaks to all, and while a timer runs, knows it by the answer', () => {
    const ahead = 3_600_000; // this clock is an hour fast
    const now = Date.now() - ahead;
    const on = [{ from: 'ada', name: 'Ada', kind: 'announce', sources: ['audio'] }];
    const inside = room('b1', ['me'], { ends_at: now + 60_000 });
    const told = { state: 'started', now, ends_at: now + 600_000, voices: on, room: 'b1', rooms: [room('main', ['bob']), inside] };
    const model = joined(told);
    assert.deepEqual([[...model.voices], model.nameOf('ada')], [[['ada', 'announce']], 'Ada']);
    const near = (/** @type {number | null | undefined} */ at, /** @type {number} */ ms) => Math.abs((at ?? 0) - Date.now() - ms) < 5_000;
    assert.ok(near(model.timer?.endsAt, 60_000) && model.timer?.room === 'b1', 'the room ends first');
    assert.ok(near(model.rooms.find((one) => one.id === 'b1')?.endsAt, 60_000));
    tell(model, [['plan_changed', { revision: 4, state: 'started', rooms: [room('main', ['bob']), room('b1', ['me'])], seq: 11 }]]);
    assert.ok(near(model.timer?.endsAt, 600_000));
    // What was missed is in the answer already, and the newer.
    model.join(answer({ ...told, voices: [], resume: 'events', seq: 20 }));
    tell(model, [['voice', { from: 'ada', kind: 'announce', on: true, seq: 15 }]]);
    assert.deepEqual([...model.voices], []);
    model.join(answer({ voices: [{ from: 'me', name: 'Me', kind: 'announce', sources: ['audio', 'screen'] }, { from: 'me', name: 'Me', kind: 'whisper', room_id: 'b2' }] }));
    assert.deepEqual([model.announcing, model.whispering, [...model.voices]], [['audio', 'screen'], { room_id: 'b2' }, []]);
  });

  test('a room whose time is over is known as closed until it is opened again', () => {
    const rooms = (/** @type {object} */ more) => [room('main', ['me']), room('b1', [], more)];
    const model = joined({ rooms: rooms({ closed: true }) });
    const closed = () => model.rooms.map((one) => one.closed);
    assert.deepEqual(closed(), [false, true]);
    tell(model, [['plan_changed', { revision: 4, state: 'started', rooms: rooms({}), seq: 11 }]]);
    assert.deepEqual(closed(), [false, false]);
  });

  test('which own pictures somebody is shown is known as it was told last, and anew after a loss', () => {
    const model = joined();
    assert.deepEqual([...model.watched], []);
    tell(model, [['layers', { source: 'camera', active: true }], ['layers', { source: 'screen', active: true }],
      ['layers', { source: 'camera', active: false }]]);
    assert.deepEqual([...model.watched], ['screen']);
    model.join(answer({ resume: 'events' }));
    assert.deepEqual([...model.watched], []);
  });

  test('over a lost connection no message is lost or told twice, and older events do not undo newer state', () => {
    const model = joined();
    tell(model, [['chat', { from: 'bob', text: 'one', room_id: 'main', seq: 12 }]]);
    assert.equal(model.resume, 12, 'what came after this is asked for');
    model.join(answer({ resume: 'events', seq: 40, rooms: [room('main', ['me', 'bob', 'cleo'])], participants: [person('me', 'main'), person('bob', 'main'), person('cleo', 'main')] }));
    assert.equal(model.resume, 12, 'until it has come: the connection may be lost again');
    tell(model, [
      ['broadcast', { from: 'bob', text: 'two', seq: 20 }],
      ['user_left', { participant: 'bob', room_id: 'main', reason: 'left', seq: 30 }], // and came back, says the answer
      ['chat', { from: 'me', text: 'three', room_id: 'main', seq: 35 }],
      ['chat', { from: 'me', text: 'three', room_id: 'main', seq: 35 }],
      ['chat', { from: 'bob', text: 'four', room_id: 'main', seq: 41 }],
    ]);
    assert.deepEqual(texts(model), ['one', 'two', 'three', 'four']);
    assert.deepEqual(model.messages.map((message) => message.own), [false, false, true, false]);
    assert.deepEqual([...model.participants.keys()], ['me', 'bob', 'cleo']);
    assert.equal(model.resume, 41);
  });

  test('after a restart of the server that kept nothing, numbers begin anew', () => {
    const model = joined();
    tell(model, [['chat', { from: 'bob', text: 'one', room_id: 'main', seq: 400 }]]);
    model.join(answer({ resume: 'snapshot', seq: 2 }));
    assert.equal(model.resume, 2);
    tell(model, [['chat', { from: 'bob', text: 'two', room_id: 'main', seq: 3 }]]);
    assert.deepEqual(texts(model), ['one', 'two'], 'what was read stays');
  });

  test('invitations: known from the answer, described by the event, gone when answered', () => {
    const invited = [{ room_id: 'b1', name: 'Red', requestor: 'ada', expires_s: 9 },
      { room_id: 'b2', name: 'B', requestor: 'bob' }];
    const model = joined({ invitations: ['b1', 'b2'], invited, seq: 10 });
    assert.deepEqual(model.invitations.map((one) => [one.room, one.name, one.requestor, one.expiresAt !== null]),
      [['b1', 'Red', 'ada', true], ['b2', 'B', 'bob', false]]);
    tell(model, [
      ['breakout_invited', { room_id: 'b1', name: 'Red', requestor: 'ada', expires_s: 60, seq: 9 }],
      ['breakout_invited', { room_id: 'b9', name: 'Gone', requestor: 'ada', seq: 10 }], // answered meanwhile
      ['breakout_invited', { room_id: 'b3', name: 'New', requestor: 'ada', seq: 11 }],
      ['breakout_invited', { room_id: 'b4', name: 'Other', requestor: 'ada', clients: ['bob'], seq: 12 }], // not me
    ]);
    assert.deepEqual(model.invitations.map((one) => one.room).sort(), ['b1', 'b2', 'b3']);
    assert.ok((model.invitations.find((one) => one.room === 'b1')?.expiresAt ?? 0) > Date.now() + 50_000);
    tell(model, [
      ['invite_rejected', { room_id: 'b1', client_id: 'bob', name: 'Bob', reason: 'rejected', seq: 13 }], // not mine
      ['invite_rejected', { room_id: 'b2', client_id: 'me', name: 'Me', reason: 'timeout', seq: 14 }],
      ['breakout_connected', { room_id: 'b3', name: 'New', seq: 15 }],
    ]);
    assert.deepEqual(model.invitations.map((one) => one.room), ['b1']);
    model.answered('b1');
    assert.deepEqual(model.invitations, []);
  });

  test('a guest who moves sees their own room and the main one; others are away, not lost', () => {
    const model = joined();
    tell(model, [
      ['meeting_changed', { room_id: 'b1', parent: { paused: true, audio_muted: false, video_muted: false, gain: 20 }, seq: 11 }],
      ['plan_changed', { revision: 4, rooms: [room('main', ['bob']), room('b1', ['me', 'cleo'])], people: [person('me', 'b1'), person('cleo', 'b1')], seq: 12 }],
    ]);
    assert.equal(model.room, 'b1');
    assert.deepEqual(model.parent, { paused: true, audioMuted: false, videoMuted: false, gain: 20 });
    assert.deepEqual([...model.participants.values()].map((one) => [one.id, one.room]), [['me', 'b1'], ['bob', 'main'], ['cleo', 'b1']]);
    tell(model, [['user_left', { participant: 'cleo', room_id: 'b1', reason: 'moved', seq: 13 }]]);
    assert.equal(model.participants.get('cleo')?.room, null);
    assert.deepEqual(model.rooms.map((one) => one.participants), [['bob'], ['me']]);
    tell(model, [['user_left', { participant: 'cleo', room_id: 'main', reason: 'left', seq: 14 }]]);
    assert.equal(model.participants.has('cleo'), false);
  });

  test('in the main room, who goes to a breakout that can not be seen is shown as away', () => {
    const model = joined();
    tell(model, [['user_left', { participant: 'bob', room_id: 'main', reason: 'moved', seq: 11 }]]);
    assert.deepEqual([model.participants.get('bob')?.room, model.participants.get('bob')?.paused], [null, true]);
    tell(model, [['user_joined', { participant: person('bob', 'main'), room_id: 'main', seq: 12 }]]);
    assert.deepEqual([model.participants.get('bob')?.room, model.participants.get('bob')?.paused], ['main', false]);
  });

  test('the timer that ends first counts, and ends with the breakouts', () => {
    const model = joined({ room: 'b1', rooms: [room('main', []), room('b1', ['me'])], permissions: ['breakout.presence'] });
    tell(model, [['timer', { remaining_s: 300, closing: false }]]);
    assert.equal(model.timer?.room, null);
    assert.equal(model.plan.state, 'started');
    tell(model, [
      ['timer', { remaining_s: 60, room_id: 'b2', closing: false }], // of another room
      ['timer', { remaining_s: 100, room_id: 'b1', closing: false }],
    ]);
    assert.equal(model.timer?.room, 'b1');
    tell(model, [['plan_changed', { revision: 5, state: 'draft', rooms: [room('main', ['me']), room('b1', [])], seq: 20 }]]);
    assert.equal(model.timer, null);
  });

  test('help, voices and whispers are what was told last', () => {
    const model = joined({ rooms: [room('main', ['me']), room('b1', ['bob'])], permissions: ['breakout.presence'] });
    tell(model, [['help_asked', { room_id: 'b1', from: 'bob', seq: 11 }]]);
    assert.deepEqual([...model.help], ['b1']);
    assert.equal(model.rooms[1]?.help, true);
    tell(model, [['help_reset', { room_id: 'b1', seq: 12 }], ['voice', { from: 'bob', kind: 'announce', on: true, seq: 13 }]]);
    assert.deepEqual([[...model.help], [...model.voices]], [[], [['bob', 'announce']]]);
    model.whisper({ room_id: 'b1' });
    tell(model, [ // from one target to another: the end of the old one comes after our own answer
      ['voice', { from: 'me', kind: 'whisper', on: false, seq: 14 }],
      ['voice', { from: 'me', kind: 'whisper', on: true, seq: 15 }],
    ]);
    assert.deepEqual(model.whispering, { room_id: 'b1' });
    tell(model, [['voice', { from: 'me', kind: 'whisper', on: false, seq: 16 }]]);
    assert.equal(model.whispering, null);
  });

  test('a poll keeps the own vote over changes', () => {
    const model = joined();
    const poll = { poll: 1, from: 'bob', question: '?', options: ['a', 'b'], votes: [0, 0], open: true };
    tell(model, [['poll_changed', { ...poll, seq: 11 }]]);
    model.voted(1, 1);
    tell(model, [['poll_changed', { ...poll, votes: [0, 1], seq: 12 }]]);
    assert.deepEqual([model.polls.get(1)?.own, model.polls.get(1)?.votes], [1, [0, 1]]);
    // After a loss too: what the answer has is open, and of others the end was missed.
    tell(model, [['poll_changed', { ...poll, poll: 2, seq: 13 }]]);
    const asked = { role: 'speaker', requestor: 'bob' };
    model.join(answer({ polls: [{ ...poll, votes: [0, 2] }, { ...poll, poll: 3 }], role_asked: asked }));
    assert.deepEqual([...model.polls.values()].map((one) => [one.poll, one.open, one.own]),
      [[1, true, 1], [2, false, null], [3, true, null]]);
    assert.deepEqual([model.polls.get(1)?.votes, model.roleAsked], [[0, 2], asked]);
  });
});
