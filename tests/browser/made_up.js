/** Runs inside the page: a meeting that does not exist, shown by the real panel. Its text is sent to the browser. */

/**
 * Puts `window.madeUp` into the page: a client as the library's, whose model is made up here.
 * @param {{ rooms: number, each: number, unassigned: number, state: 'draft' | 'started', own?: string }} size
 */
export async function mountMadeUp({ rooms, each, unassigned, state, own = 'main' }) {
  const load = (/** @type {string} */ path) => import(new URL(path, location.origin).href);
  const [{ RoomsPanel }, { dialog }, { toast }] = await Promise.all(
    ['/page/rooms/panel.js', '/page/dialog.js', '/page/toast.js'].map(load));
  const first = ['Ann', 'Bela', 'Cleo', 'Dora', 'Emre', 'Fatima', 'Goran', 'Hana', 'Igor', 'Jun', 'Kofi', 'Lena'];
  const last = ['Ito', 'Novak', 'Okafor', 'Silva', 'Weber', 'Young', 'Zhang'];
  const participants = new Map();
  let number = 0;
  const person = (/** @type {string} */ room, role = 'participant') => {
    const id = `p${number}`;
    const name = `${first[number % first.length]} ${last[number % last.length]} ${number}`;
    number += 1;
    participants.set(id, { id, name, role, room, muted: { audio: number % 3 === 0, video: false }, paused: false });
    return id;
  };
  const room = (/** @type {string} */ id, /** @type {string} */ name, /** @type {string[]} */ inside, /** @type {string[]} */ assigned) => ({
    id, name, participants: inside, assigned, expected: 0, capacity: /** @type {number | null} */ (null), count: null,
    help: false, endsAt: /** @type {number | null} */ (null),
  });
  const started = state === 'started';
  const main = room('main', 'Main room', [person('main', 'host')], []);
  for (let n = 0; n < unassigned; n += 1) main.participants.push(person('main'));
  const list = [main];
  for (let n = 1; n <= rooms; n += 1) {
    const id = `b${n}`;
    const people = Array.from({ length: each }, () => person(started ? id : 'main'));
    if (!started) main.participants.push(...people);
    list.push(room(id, `Room ${n}`, started ? people : [], started ? [] : people));
  }
  /** @type {string[]} */ const asked = [];
  const client = Object.assign(new EventTarget(), {
    id: 'p0', room: own, role: 'host', participants, rooms: list, plan: { state, revision: 1 }, slots: [], speaking: ['p3'],
    parent: { paused: true, audioMuted: false }, timer: /** @type {object | null} */ (null), help: new Set(), announcing: /** @type {string[]} */ ([]),
    monitoring: /** @type {string[]} */ ([]), can: () => true, published: () => null, gain: () => 1, levels: () => new Map(), attach: () => () => {},
    view: async () => {}, call: async (/** @type {string} */ method) => { asked.push(method); },
    listening: /** @type {string | null | undefined} */ (undefined),
    monitor: async (/** @type {string[]} */ ids, /** @type {string | null} */ heard = null) => {
      Object.assign(client, { monitoring: ids, listening: heard });
    },
    breakout: new Proxy({}, { get: (_, name) => async (/** @type {unknown[]} */ ...args) => { asked.push(`${String(name)} ${JSON.stringify(args)}`); } }),
  });
  const style = document.createElement('link');
  Object.assign(style, { rel: 'stylesheet', href: '/page/rooms/rooms.css' });
  const dressed = new Promise((resolve) => style.addEventListener('load', resolve));
  document.head.append(style);
  await dressed;
  const parent = document.createElement('section');
  parent.className = 'tab-panel';
  const aside = /** @type {HTMLElement} */ (document.getElementById('panel'));
  aside.replaceChildren(document.createElement('div'), parent);
  aside.classList.add('open');
  /** @type {HTMLElement} */ (document.getElementById('lobby')).hidden = true;
  /** @type {HTMLElement} */ (document.getElementById('call')).hidden = false;
  const attempt = async (/** @type {() => Promise<unknown>} */ work) => {
    await work();
    return true;
  };
  const panel = new RoomsPanel(parent, client, { attempt, toast, dialog, views: { set() {} } });
  Object.assign(window, { madeUp: { client, panel, asked } });
}
