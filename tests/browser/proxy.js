/** A TCP proxy on loopback whose connections can be cut: HTTP and the WebSocket are lost, media is not. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  /** @type {Set<import('node:net').Socket>} */ #sockets = new Set();
  /** Nobody gets through. */ #down = false;

  /** @param {number} target port on loopback */
  constructor(target) {
    this.server = createServer((near) => {
      if (this.#down) return near.destroy();
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.on('error', () => this.cut()); // one end broke: so does the other
      }
      near.pipe(far);
      far.pipe(near);
    });
  }

  /** @param {number} target port on loopback */
  static async start(target) {
    const proxy = new Proxy(target);
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.server.address()).port}`;
  }

  /** Breaks every connection there is now. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Breaks every connection, and lets nobody through until `up`. */
  down() {
    this.#down = true;
    this.cut();
  }

  up() {
    this.#down = false;
  }

  /** Breaks all, and lets none in. */
  close() {
    this.server.close();
    this.cut();
  }
}
