/**
 * What can be asked of the server, in groups: breakout rooms, the main room, people, roles. Each is one call;
 * what it changes comes back as notifications.
 */

/** @import { Breakout, MainRoom, People, Roles } from './client.d.ts' */
/** @import { Model } from './model.js' */

/** @typedef {(method: string, params?: object) => Promise<any>} Call */

/** @param {any} options names as in JavaScript @returns {object} as on the wire */
function creation({ count, names, capacity, audio, video, share, canvas, force }) {
  return { max_rooms: count ?? names?.length, names, participants: capacity, audio, video, share, canvas, force_join: force };
}

/**
 * @param {Call} plan a call that may be refused when the plan was changed by somebody else
 * @param {Model} model
 * @returns {Breakout}
 */
export function breakoutCommands(plan, model) {
  return {
    async create(options = {}) { return (await plan('breakout.create', creation(options))).rooms; },
    async createAndInvite(options = {}) { return (await plan('breakout.create_and_invite', creation(options))).rooms; },
    async assign(clients, room) { await plan('breakout.assign', { clients, room_id: room }); },
    async unassign(clients) { await plan('breakout.unassign', { clients }); },
    async shuffle(options = {}) { await plan('breakout.shuffle', options); },
    async importCsv(text) { return plan('breakout.import_csv', { text }); },
    async rename(room, name) { await plan('breakout.rename', { room_id: room, name }); },
    async delete(room) { await plan('breakout.delete', { room_id: room }); },
    async reset() { await plan('breakout.reset'); },
    async start({ consent, timer } = {}) { await plan('breakout.start', { consent, timer_s: timer }); },
    async stop({ grace } = {}) { await plan('breakout.stop', { grace_s: grace }); },
    async extend(seconds, room) { await plan('breakout.extend', { seconds, room_id: room }); },
    async invite(clients, room, { force, timeout } = {}) {
      await plan('breakout.invite', { clients, room_id: room, force_join: force, timeout_s: timeout });
    },
    async join(room, options = {}) {
      await plan('breakout.join', { room_id: room, ...options });
      model.answered(room);
    },
    async reject(room) {
      await plan('breakout.reject', { room_id: room });
      model.answered(room);
    },
    async leave() { await plan('breakout.leave'); },
    async move(clients, room) { await plan('breakout.move', { clients, room_id: room }); },
    async exchange(a, b) { await plan('breakout.exchange', { a, b }); },
    async leaveAll() { await plan('breakout.leave_all'); },
    async clearAll() { await plan('breakout.clear_all'); },
    async destroyAll() { await plan('breakout.destroy_all'); },
  };
}

/**
 * The main room while in a breakout. Nobody tells what became of it: the answer does.
 * @param {Call} call
 * @param {Model} model
 * @returns {MainRoom}
 */
export function mainCommands(call, model) {
  /** @param {{ audio?: boolean, video?: boolean }} kinds @param {boolean} muted */
  const mute = async ({ audio, video }, muted) => {
    await call(muted ? 'parent.mute' : 'parent.unmute', { audio, video });
    model.changeParent({ ...(audio && { audioMuted: muted }), ...(video && { videoMuted: muted }) });
  };
  return {
    async pause() {
      await call('parent.pause');
      model.changeParent({ paused: true });
    },
    async resume() {
      await call('parent.resume');
      model.changeParent({ paused: false });
    },
    gain: (percent) => model.playMain(Math.min(100, Math.max(0, percent))),
    mute: (kinds = { audio: true, video: true }) => mute(kinds, true),
    unmute: (kinds = { audio: true, video: true }) => mute(kinds, false),
  };
}

/** @param {Call} call @returns {People} */
export function peopleCommands(call) {
  return {
    async mute(client, kind) { await call('people.mute', { client, kind }); },
    async kick(client) { await call('people.kick', { client }); },
  };
}

/** @param {Call} call @param {Model} model @returns {Roles} */
export function roleCommands(call, model) {
  /** @param {'role.accept' | 'role.reject'} method */
  const answer = async (method) => {
    await call(method);
    model.answeredRole();
  };
  return {
    async change(client, role, { force } = {}) { await call('role.change', { client, role, force }); },
    accept: () => answer('role.accept'),
    reject: () => answer('role.reject'),
  };
}
