/**
 * The page: lobby, meeting, and back.
 *
 * In the address: `meeting`, `name` and `token`; `auto=1` joins at once and publishes nothing. The token is
 * taken out of the address before anything else happens, and kept for this tab only. The client object
 * is `window.ringfence`.
 */

import { Ringfence } from '../client/client.js';
import { Devices } from './devices.js';
import { byId } from './elements.js';
import { Lobby } from './lobby.js';
import { Meeting } from './meeting.js';
import { strings } from './strings.js';

const query = new URLSearchParams(location.search);
const devices = new Devices();
const lobby = new Lobby(byId('lobby'), devices, join);
/** @type {Ringfence | null} */ let client = null;
/** @type {Meeting | null} */ let meeting = null;

/** @param {import('./lobby.js').Wish} wish */
async function join(wish) {
  const joining = new Ringfence({ token: query.get('token') ?? undefined, ...wish });
  client = joining;
  Object.assign(window, { ringfence: joining });
  await joining.connect();
  lobby.hide();
  meeting = new Meeting(joining);
  joining.addEventListener('state', () => joining.state === 'closed' && left(joining));
  byId('microphone').focus();
  for (const device of lobby.wanted) {
    const track = devices.release(device); // else it is still being opened
    await meeting.attempt(async () => meeting?.media.start(device, track));
  }
}

/** Back to the form. @param {Ringfence} from */
function left(from) {
  if (from !== client) return;
  meeting?.close();
  meeting = null;
  client = null;
  document.title = strings.title;
  lobby.show({ error: from.reason });
}

// Nobody should look at the picture of someone who closed the page.
addEventListener('pagehide', () => void client?.leave());

const auto = query.get('auto') === '1';
lobby.show({ name: query.get('name') ?? undefined, meeting: query.get('meeting') ?? undefined, devices: !auto });
if (auto) void lobby.submitted();
