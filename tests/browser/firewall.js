/**
 * A firewall for UDP on loopback: media goes through it, and is dropped while it is shut.
 *
 * The server announces `ANNOUNCED`, where only this listens, at the server's own ports. Each browser's socket gets
 * one of ours, as behind a NAT, so that the server tells browsers apart.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const SERVER = '127.0.0.1';
/** What the server is started with to be reached through the firewall only. */
const ANNOUNCED = '127.0.0.2';
export const BEHIND = ['--media-ip', SERVER, '--announce', ANNOUNCED];

export class Firewall {
  /** Whether nothing gets through. */ shut = true;
  /** Datagrams that came while it was shut. */ dropped = 0;
  /** @type {import('node:dgram').Socket[]} */ #sockets = [];

  /** @param {number} port of the server's first shard @param {number} count of shards */
  static async start(port, count) {
    const firewall = new Firewall();
    for (let at = 0; at < count; at += 1) await firewall.#listen(port + at);
    return firewall;
  }

  /** @param {number} port */
  async #listen(port) {
    const near = this.#open();
    /** By a browser's address. @type {Map<string, import('node:dgram').Socket>} */
    const far = new Map();
    near.on('message', (datagram, { address, port: from }) => {
      if (this.shut) return void (this.dropped += 1);
      const key = `${address}:${from}`;
      let socket = far.get(key);
      if (!socket) {
        socket = this.#open();
        socket.on('message', (answer) => { if (!this.shut) near.send(answer, from, address); });
        far.set(key, socket);
      }
      socket.send(datagram, port, SERVER);
    });
    near.bind(port, ANNOUNCED);
    await once(near, 'listening');
  }

  #open() {
    const socket = createSocket('udp4');
    socket.on('error', () => {}); // whoever it is for is gone
    this.#sockets.push(socket);
    return socket;
  }

  close() {
    for (const socket of this.#sockets) socket.close();
  }
}
