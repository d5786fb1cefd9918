/** Requests to the server, with the operator's token; what it refuses is told in its own words. */

import { strings } from './strings.js';

const TIMEOUT_MS = 10_000;

/** A refusal, or no answer at all. */
export class ApiError extends Error {
  /** @param {number} status 0: no answer @param {string} message with the mend */
  constructor(status, message) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export class Api {
  /** Told of each 401: the token is no longer accepted. @type {(error: ApiError) => void} */ onunauthorized = () => {};

  /** @param {string | null} token null: none, as on the development server's own machine */
  constructor(token) {
    this.token = token;
  }

  /** @param {string} path @returns {Promise<any>} */
  get(path) {
    return this.#json('GET', path);
  }

  /** @param {string} path @param {object} [body] @returns {Promise<any>} */
  post(path, body = {}) {
    return this.#json('POST', path, body);
  }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  put(path, body) {
    return this.#json('PUT', path, body);
  }

  /** @param {string} path @returns {Promise<any>} */
  delete(path) {
    return this.#json('DELETE', path);
  }

  /** @param {string} path @returns {Promise<string>} */
  async text(path) {
    return (await this.#send('GET', path)).text();
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #json(method, path, body) {
    const response = await this.#send(method, path, body);
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  async #send(method, path, body) {
    /** @type {Record<string, string>} */ const headers = {};
    if (this.token !== null) headers['Authorization'] = `Bearer ${this.token}`;
    if (body) headers['Content-Type'] = 'application/json';
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const options = { method, headers, signal, body: body ? JSON.stringify(body) : null };
    const response = await fetch(path, options).catch(() => {
      throw new ApiError(0, strings.noAnswer);
    });
    if (response.ok) return response;
    const problem = await response.json().catch(() => null);
    const error = new ApiError(response.status, problem?.detail ?? strings.refused(response.status));
    if (response.status === 401) this.onunauthorized(error);
    throw error;
  }
}
