/** Errors that the library throws or keeps in `Ringfence.error`, and where they come from. */

/** @import { ConnectionErrorKind, DeviceErrorKind, Source } from './client.d.ts' */

/** HTTP's 401 and 403 of the server: to come back with the same token is in vain. */
const UNAUTHORIZED = -32_001;
const FORBIDDEN = -32_003;

/** An error the server answered with. `data` says which field is meant. */
export class RpcError extends Error {
  /**
   * @param {number} code
   * @param {string} message
   * @param {unknown} data
   */
  constructor(code, message, data) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }
}

/** There is no connection, or no media over it. */
export class ConnectionError extends Error {
  /**
   * @param {ConnectionErrorKind} kind
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(kind, message, cause) {
    super(message, { cause });
    this.name = 'ConnectionError';
    this.kind = kind;
  }
}

/** A camera, a microphone or a screen can not be had. */
export class DeviceError extends Error {
  /**
   * @param {Source} source
   * @param {DeviceErrorKind} kind
   * @param {string} message
   * @param {unknown} [cause]
   */
  constructor(source, kind, message, cause) {
    super(message, { cause });
    this.name = 'DeviceError';
    this.source = source;
    this.kind = kind;
  }
}

/**
 * A refused `join` after which coming back is in vain; `null`: it may be granted the next time.
 * @param {unknown} error
 */
export function refusal(error) {
  if (!(error instanceof RpcError) || ![UNAUTHORIZED, FORBIDDEN].includes(error.code)) return null;
  return new ConnectionError(/expired/.test(error.message) ? 'expired' : 'refused', error.message, error);
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
