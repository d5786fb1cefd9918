/**
 * The library as others get it: packed, installed, imported, type-checked; and its README, whose first example
 * runs as it stands in a page of its own, against a real server.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { openBrowser } from './browsers.js';
import { Server } from './server.js';
import { until } from './until.js';

const LIBRARY = fileURLToPath(new URL('../../signaling/web/client/', import.meta.url));
const TSC = fileURLToPath(new URL('node_modules/.bin/tsc', import.meta.url));
const run = promisify(execFile);

/** A page of somebody else's, as strict as can be. */
const PROGRAM = `
import { ConnectionError, Ringfence, openDevice, type Room, type Slot } from '@ringfence/client';

const meeting = new Ringfence({ token: 'x', checked: true });
meeting.addEventListener('breakout_invited', (event) => {
  const room: string = event.detail.room_id;
  void meeting.breakout.join(room, { audio: true });
});
meeting.addEventListener('change', (event: Event) => console.log(event.type));
const rooms: Room[] = meeting.rooms;
const full = rooms.filter((room) => room.capacity !== null && room.participants.length >= room.capacity);
const play = (slot: Slot, element: HTMLVideoElement): (() => void) => meeting.attach(slot, element);
export async function start(): Promise<number> {
  await meeting.connect();
  const [track] = await openDevice('camera', { width: 640 });
  await meeting.publish('camera', track ?? null);
  const ids: string[] = await meeting.breakout.create({ count: full.length });
  if (meeting.error instanceof ConnectionError && meeting.error.kind === 'udp_blocked') play(meeting.slots[0]!, document.createElement('video'));
  return (await meeting.stats()).down.bps + ids.length;
}
`;

/** Each must be refused. */
const MISTAKES = [
  "meeting.addEventListener('breakout_invited', (event) => event.detail.rom_id);",
  "void meeting.publish('kamera', null);",
  "meeting.rooms = [];",
  "void meeting.breakout.start({ timer: 'long' });",
  "const text: string = meeting.timer.endsAt;",
];

const STRICT = {
  compilerOptions: {
    strict: true, noEmit: true, noUncheckedIndexedAccess: true, target: 'es2024', module: 'nodenext',
    moduleResolution: 'nodenext', lib: ['es2024', 'dom', 'dom.iterable'], types: [],
  },
};

describe('library', () => {
  /** @type {string} */ let folder;
  /** @type {{ language: string, text: string }[]} */ let examples;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringfence-library-'));
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: LIBRARY });
    const [{ filename, files }] = JSON.parse(stdout);
    const packed = files.map((/** @type {{ path: string }} */ file) => file.path).sort();
    assert.deepEqual(packed, (await readdir(LIBRARY)).sort(), 'all of the folder, and nothing else');
    await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)], { cwd: folder });
    const readme = await readFile(join(folder, 'node_modules/@ringfence/client/README.md'), 'utf8');
    examples = [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** @param {Record<string, string>} files @param {object} [options] @returns {Promise<string>} what tsc says, '' if nothing */
  async function check(files, options = STRICT) {
    const own = await mkdtemp(join(folder, 'check-'));
    await writeFile(join(own, 'tsconfig.json'), JSON.stringify({ ...options, include: ['*'] }));
    for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text);
    return run(TSC, ['-p', own]).then(() => '', (error) => error.stdout || String(error));
  }

  test('installed, it is imported by its name without a browser', async () => {
    const program = "import * as all from '@ringfence/client'; console.log(Object.keys(all).sort().join(), new all.Ringfence().state)";
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
    assert.equal(stdout.trim(), 'ConnectionError,DeviceError,Ringfence,RpcError,openDevice idle');
  });

  test('a strict TypeScript program is checked against it, and mistakes are found', async () => {
    assert.equal(await check({ 'program.ts': PROGRAM }), '');
    for (const mistake of MISTAKES) {
      assert.match(await check({ 'program.ts': `${PROGRAM}\n${mistake}` }), /error TS/, mistake);
    }
  });

  test('every example of the README is correct code', async () => {
    const given = "import { ConnectionError, DeviceError, Ringfence, RpcError, openDevice } from '@ringfence/client';\n";
    const scripts = examples.filter((example) => example.language === 'js').map(({ text }, at) => {
      if (text.startsWith('import')) return [`${at}.js`, text];
      const meeting = text.includes('const meeting') ? 'const token = String();' : 'const meeting = new Ringfence();';
      return [`${at}.js`, `${given}${meeting}\n${text}\nexport {};\n[ConnectionError, DeviceError, RpcError, openDevice];`];
    });
    assert.ok(scripts.length >= 12, `${scripts.length} examples`);
    const { compilerOptions } = STRICT;
    const paths = { '/client.js': ['../node_modules/@ringfence/client/client.d.ts'] };
    const lenient = { allowJs: true, checkJs: true, strictNullChecks: false, noUncheckedIndexedAccess: false };
    assert.equal(await check(Object.fromEntries(scripts), { compilerOptions: { ...compilerOptions, ...lenient, paths } }), '');
  });

  test('the first example is a meeting, as it stands', async (t) => {
    const [page, script] = examples;
    assert.ok(page?.language === 'html' && script?.language === 'js');
    const web = join(folder, 'web');
    await mkdir(web);
    await writeFile(join(web, 'index.html'), page.text);
    await writeFile(join(web, 'meeting.js'), script.text);
    // The library comes from the tree that is tested, whatever the binary holds.
    const client = join(web, 'client');
    await mkdir(client);
    for (const name of await readdir(LIBRARY)) await writeFile(join(client, name), await readFile(join(LIBRARY, name)));
    await writeFile(join(web, 'client.js'), await readFile(join(LIBRARY, '../client.js')));
    const server = await Server.start('--web', web);
    const browser = await openBrowser('chromium');
    t.after(async () => {
      await browser.close();
      await server.stop();
    });
    /** @type {string[]} */
    const complaints = [];
    /** Two people of one name: the page knows no other. @type {import('puppeteer-core').Page[]} */
    const people = [];
    for (let n = 0; n < 2; n += 1) {
      const person = await (await browser.createBrowserContext()).newPage();
      person.on('pageerror', (error) => complaints.push(String(error)));
      await person.goto(server.url, { waitUntil: 'load' });
      await person.waitForFunction(() => document.getElementById('room')?.textContent === 'Main room', { timeout: 20_000 });
      people.push(person);
    }
    const [first, second] = people;
    await first?.click('#camera');
    await second?.waitForSelector('video[title="Ada"]:not([hidden])', { timeout: 20_000 });
    const frames = () => second?.$eval('video[title="Ada"]', (video) => video.getVideoPlaybackQuality().totalVideoFrames) ?? 0;
    const before = await frames();
    await until('its picture moves', 10_000, async () => await frames() > before + 5);
    assert.equal(await second?.$$eval('#stage audio[title="Ada"]:not([hidden])', (all) => all.length), 1, 'and its voice is there');
    assert.deepEqual(complaints, []);
  });
});
