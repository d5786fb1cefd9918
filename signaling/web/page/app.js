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
import { ended, explain } from './ended.js';
import { Lobby } from './lobby.js';
import { Meeting } from './meeting.js';
import { strings } from './strings.js';

const TOKEN = 'ringfence.token';
const query = new URLSearchParams(location.search);
const token = takeToken();
const devices = new Devices();
const lobby = new Lobby(byId('lobby'), devices, join, token);
/** @type {Ringfence | null} */ let client = null;
/** @type {Meeting | null} */ let meeting = null;

/** A token of the address is kept over a reload of this tab, and nowhere else. */
function takeToken() {
  const given = query.get('token');
  try {
    if (given) sessionStorage.setItem(TOKEN, given);
    else if (query.has('meeting') && !query.has('invited')) sessionStorage.removeItem(TOKEN);
  } catch { /* it is lost with a reload then */ }
  if (given) {
    query.delete('token');
    query.set('invited', '1');
    history.replaceState(null, '', `?${query}`);
  }
  try {
    return given ?? sessionStorage.getItem(TOKEN) ?? undefined;
  } catch {
    return given ?? undefined;
  }
}

/** @param {import('./lobby.js').Wish} wish */
async function join(wish) {
  const joining = new Ringfence({ token, ...wish });
  client = joining;
  Object.assign(window, { ringfence: joining });
  try {
    await joining.connect();
  } catch (error) {
    const why = explain(joining.error ?? error);
    throw new Error(`${why.title} ${why.text}`, { cause: error });
  }
  lobby.hide();
  const entered = new Meeting(joining);
  meeting = entered;
  joining.addEventListener('state', () => joining.state === 'closed' && left(joining, wish));
  byId('microphone').focus();
  for (const device of lobby.wanted) {
    const track = devices.release(device); // else it is still being opened
    await entered.attempt(() => entered.media.start(device, track));
  }
}

/** The meeting is over, for this one or for all. @param {Ringfence} from @param {import('./lobby.js').Wish} wish */
function left(from, wish) {
  if (from !== client) return;
  if (meeting) lobby.want(meeting.on);
  meeting?.close();
  meeting = null;
  client = null;
  document.title = strings.title;
  const why = from.error ? explain(from.error) : { title: strings.ended.left, text: '', again: true };
  const place = byId('ended');
  const back = (error = '') => {
    place.hidden = true;
    lobby.show({ ...wish, error });
  };
  ended(place, why, async () => {
    try {
      await join(wish);
      place.hidden = true;
    } catch (error) {
      back(error instanceof Error ? error.message : String(error));
    }
  }, () => back());
}

// Nobody should look at the picture of someone who closed the page.
addEventListener('pagehide', () => void client?.leave());

const auto = query.get('auto') === '1';
lobby.show({ name: query.get('name') ?? undefined, meeting: query.get('meeting') ?? undefined, devices: !auto });
if (auto) void lobby.submitted();
