/**
 * The binary under test: started on free ports, killed, started again on the same ones.
 *
 * `RINGFENCE_BIN` names it (default: the release build), `RINGFENCE_IO` the driver (`uring` or `mmsg`;
 * default `auto`), `RINGFENCE_PLACE` whether people of a room share a shard (`together`, which is the
 * default, or `apart`). Only processes started here are ever ended, by their pid.
 */

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

import { until } from './until.js';

/** The binary under test. */
export const BINARY = process.env.RINGFENCE_BIN
  ?? fileURLToPath(new URL('../../target/release/ringfence', import.meta.url));
const START_MS = 20_000;
const STOP_MS = 5_000;
export const SHARDS = 2;

/** The driver under test. */
export const IO = process.env.RINGFENCE_IO ?? 'auto';

/** Where people are placed. */
export const PLACE = process.env.RINGFENCE_PLACE ?? 'together';

/** A TCP port of loopback that nobody listens on. @returns {Promise<number>} */
async function freeTcpPort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, 'close');
  return port;
}

/** The first of `count` free UDP ports in a row, one a shard. @param {number} count @returns {Promise<number>} */
async function freeUdpPorts(count) {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 30_000 / count) * count;
    const probes = Array.from({ length: count }, () => createSocket('udp4'));
    try {
      await Promise.all(probes.map((probe, n) => new Promise((resolve, reject) => {
        probe.once('error', reject);
        probe.bind(first + n, () => resolve(undefined));
      })));
      return first;
    } catch {
      // One is taken: try elsewhere.
    } finally {
      for (const probe of probes) probe.close();
    }
  }
}

export class Server {
  /** @type {import('node:child_process').ChildProcess | null} */ #process = null;
  #log = '';

  /** @param {number} httpPort @param {number} mediaPort @param {string[]} options */
  constructor(httpPort, mediaPort, options) {
    this.options = options;
    this.httpPort = httpPort;
    this.mediaPort = mediaPort;
    this.url = `http://127.0.0.1:${httpPort}`;
  }

  /** Starts one on ports of its own and waits until it is ready. @param {...string} options more of `serve` */
  static async start(...options) {
    const server = new Server(await freeTcpPort(), await freeUdpPorts(SHARDS), options);
    await server.run();
    return server;
  }

  /** The last lines it wrote, for the report of a failed test. */
  get log() {
    return this.#log;
  }

  /** Starts the process, on the same ports each time. */
  async run() {
    const options = ['serve', '--dev', '--http', `127.0.0.1:${this.httpPort}`];
    options.push('--media-port', String(this.mediaPort), '--shards', String(SHARDS));
    options.push('--io', IO, '--place', PLACE, ...this.options);
    const child = spawn(BINARY, options, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    /** @type {Error | null} */
    let failed = null;
    child.once('error', (error) => { failed = error; });
    child.once('exit', (code, signal) => { failed ??= new Error(`it ended: ${code ?? signal}`); });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => { this.#log = (this.#log + text).slice(-20_000); });
    }
    try {
      await until(`${BINARY} is ready`, START_MS, async () => {
        if (failed) throw failed;
        return (await fetch(`${this.url}/readyz`).catch(() => null))?.ok ?? false;
      }, () => this.#log, () => failed !== null);
    } catch (error) {
      await this.#end('SIGKILL');
      throw error;
    }
  }

  /** Kill −9: it says goodbye to nobody. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Ends it in order, and fails if it has to be forced. */
  async stop() {
    const graceful = await this.#end('SIGINT');
    if (!graceful) throw new Error(`It did not end within ${STOP_MS} ms of SIGINT.\n${this.#log}`);
  }

  /** @param {'SIGINT' | 'SIGKILL'} signal @returns {Promise<boolean>} whether the signal was enough */
  async #end(signal) {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return true;
    const ended = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    return signal === 'SIGKILL' || child.signalCode !== 'SIGKILL';
  }
}
