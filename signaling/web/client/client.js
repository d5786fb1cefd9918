/**
 * Client library of Ringfence: what `@ringfence/client` exports. Its types are in `client.d.ts`.
 */

export { ConnectionError, DeviceError, RpcError } from './errors.js';
export { openDevice } from './devices.js';
export { Ringfence } from './ringfence.js';
