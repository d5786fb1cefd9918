/** Nothing runs here: the type checker compares the library with its declared types. */

import * as devices from '../../signaling/web/client/devices.js';
import * as errors from '../../signaling/web/client/errors.js';
import { Ringfence } from '../../signaling/web/client/ringfence.js';

/** @type {typeof import('../../signaling/web/client/client.js').Ringfence} */ export const checked = Ringfence;
/** @type {Pick<typeof import('../../signaling/web/client/client.js'), 'RpcError' | 'ConnectionError' | 'DeviceError'>} */ export const checkedErrors = errors;
/** @type {Pick<typeof import('../../signaling/web/client/client.js'), 'openDevice'>} */ export const checkedDevices = devices;
