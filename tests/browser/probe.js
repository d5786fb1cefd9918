/**
 * Runs inside the page: publishes a tone and a colour, and measures which tones and colours come back.
 *
 * What counts is decoded media: samples and pixels. Names in the page are compared with what is heard
 * and seen, never taken for it. Firefox does not run an AudioContext on a machine without a sound card;
 * there the tone is its fake microphone's, and samples come from short recordings instead.
 */

/**
 * @typedef {object} Voice
 * @property {string} name
 * @property {number} hz
 * @property {[number, number, number]} rgb
 */
/** @typedef {{ hears: string[], sees: string[], shares: string[], voices: number }} Senses `voices`: how many are heard */
/** @typedef {Senses & { wrong: string[] }} Sense */
/**
 * @typedef {object} Sensed
 * @property {boolean} ok whether it came to be as expected
 * @property {number} ms when it did
 * @property {Sense} last how it is
 * @property {Sense | null} before how it was when it was last not so
 */

/**
 * Puts `window.probe` into the page. Self-contained, since its text is sent to the browser.
 * @param {Voice[]} voices everybody who may ever be heard or seen in the test
 */
export function installProbe(voices) {
  const LOUD_DB = -50;
  const NEAR_RGB = 70;
  const STEADY_MS = 500;
  const RECORDING_MS = 200;
  /** No more of one look counts: a machine that stood still is no fault of what is tested. */
  const LOOK_MS = 1_000;
  const context = new AudioContext();
  /** Runs recordings back into samples; needs no sound card. */
  const decoder = new OfflineAudioContext(1, 1, 48_000);
  /** @type {import('../../signaling/web/client/client.js').Ringfence} */
  const client = /** @type {any} */ (window).ringfence;
  /** @type {Map<string, { track: MediaStreamTrack, analyser: AnalyserNode, source: MediaStreamAudioSourceNode }>} */
  const ears = new Map();
  const eye = document.createElement('canvas');
  eye.width = 16;
  eye.height = 16;
  const pixels = /** @type {CanvasRenderingContext2D} */ (eye.getContext('2d', { willReadFrequently: true }));
  /** @type {unknown[]} */
  const alive = []; // else collected as garbage, and silent
  /** @type {GainNode[]} */
  const gains = [];

  /** Who the page says it is. @param {string} id */
  const nameOf = (id) => client.participants.get(id)?.name || id;

  /** @param {string} name */
  const voiceOf = (name) => {
    const voice = voices.find((one) => one.name === name);
    if (!voice) throw new Error(`Nobody is called ${name}.`);
    return voice;
  };

  /** @param {string} name @returns {Promise<MediaStreamTrack>} */
  async function tone(name) {
    if (context.state !== 'running') {
      const fake = await navigator.mediaDevices.getUserMedia({ audio: true }); // its tone was set at launch
      return /** @type {MediaStreamTrack} */ (fake.getAudioTracks()[0]);
    }
    const oscillator = new OscillatorNode(context, { frequency: voiceOf(name).hz });
    const gain = new GainNode(context, { gain: 0.4 });
    const out = new MediaStreamAudioDestinationNode(context);
    gains.push(gain);
    oscillator.connect(gain).connect(out);
    oscillator.start();
    alive.push(oscillator, out);
    return /** @type {MediaStreamTrack} */ (out.stream.getAudioTracks()[0]);
  }

  /** @param {string} name */
  function colour(name) {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 180;
    const brush = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const [r, g, b] = voiceOf(name).rgb;
    let tick = 0;
    const paint = () => {
      brush.fillStyle = `rgb(${r} ${g} ${b})`;
      brush.fillRect(0, 0, 320, 180);
      tick += 1;
      brush.fillStyle = tick % 2 ? '#000' : '#fff'; // a picture that never changes is not sent
      brush.fillRect(0, 0, 8, 8);
    };
    paint();
    setInterval(paint, 100);
    const stream = canvas.captureStream(10);
    alive.push(canvas, stream);
    return /** @type {MediaStreamTrack} */ (stream.getVideoTracks()[0]);
  }

  /**
   * Level of a tone in samples, in dB of full scale (Goertzel).
   * @param {Float32Array} samples
   * @param {number} rate
   * @param {number} hz
   */
  function level(samples, rate, hz) {
    const turn = 2 * Math.cos((2 * Math.PI * hz) / rate);
    let [one, two] = [0, 0];
    for (let n = 0; n < samples.length; n += 1) {
      // Hann window: a tone does not leak into its neighbours
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / samples.length);
      [one, two] = [(samples[n] ?? 0) * window + turn * one - two, one];
    }
    const power = one * one + two * two - turn * one * two;
    return 10 * Math.log10((power * 16) / samples.length ** 2 + 1e-12);
  }

  /** What sounds now in a slot. @param {string} mid @param {MediaStream} stream */
  async function samplesOf(mid, stream) {
    if (context.state === 'running') {
      const [track] = stream.getAudioTracks();
      let ear = ears.get(mid);
      if (!track) throw new Error(`Slot ${mid} has no track.`);
      if (!ear || ear.track !== track) {
        ear?.source.disconnect();
        const source = context.createMediaStreamSource(stream);
        const analyser = new AnalyserNode(context, { fftSize: 8192 });
        source.connect(analyser);
        ear = { track, analyser, source };
        ears.set(mid, ear);
      }
      const samples = new Float32Array(ear.analyser.fftSize);
      ear.analyser.getFloatTimeDomainData(samples);
      return { samples, rate: context.sampleRate };
    }
    const recorder = new MediaRecorder(stream, { audioBitsPerSecond: 64_000 });
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
    const stopped = new Promise((resolve) => { recorder.addEventListener('stop', resolve); });
    recorder.start();
    setTimeout(() => recorder.stop(), RECORDING_MS);
    await stopped;
    const decoded = await decoder.decodeAudioData(await new Blob(parts).arrayBuffer());
    return { samples: decoded.getChannelData(0), rate: decoded.sampleRate };
  }

  /** What is heard in each audio slot now: names of tones, told by their frequency. */
  function hear() {
    return Promise.all(client.slots.filter((slot) => slot.kind === 'audio').map(async ({ mid, stream }) => {
      const { samples, rate } = await samplesOf(mid, stream);
      const names = voices.filter(({ hz }) => level(samples, rate, hz) > LOUD_DB).map((one) => one.name);
      const element = /** @type {HTMLAudioElement | null} */ (document.querySelector(`audio[data-mid="${mid}"]`));
      const participant = client.slots.find((slot) => slot.mid === mid)?.participant;
      const shown = participant ? nameOf(participant) : '';
      return { mid, shown, names, playing: element !== null && !element.paused };
    }));
  }

  /** What is seen in each tile of others now: the name of its colour. */
  function see() {
    /** @type {{ shown: string, source: string, name: string, rgb: number[] }[]} */
    const seen = [];
    for (const tile of document.querySelectorAll('.tile.live:not(.own)')) {
      const { participant, source } = /** @type {HTMLElement} */ (tile).dataset;
      const video = /** @type {HTMLVideoElement} */ (tile.querySelector('video'));
      if (!participant || !source || video.videoWidth === 0 || getComputedStyle(tile).display === 'none') continue;
      pixels.drawImage(video, 0, 0, 16, 16);
      const { data } = pixels.getImageData(4, 4, 8, 8); // without the corner that moves
      const rgb = [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let at = channel; at < data.length; at += 4) sum += data[at] ?? 0;
        return Math.round(sum / (data.length / 4));
      });
      const name = voices.find((one) => Math.hypot(...one.rgb.map((v, n) => v - (rgb[n] ?? 0))) < NEAR_RGB)?.name;
      seen.push({ shown: nameOf(participant), source, name: name ?? `rgb ${rgb}`, rgb });
    }
    return seen;
  }

  /** @returns {Promise<Sense>} */
  async function sense() {
    const heard = await hear();
    const seen = see();
    const wrong = [];
    for (const { names, shown, playing } of heard) {
      if (names.some((name) => name !== shown)) wrong.push(`${names} heard in the slot of ${shown || 'nobody'}`);
      if (names.length > 0 && !playing) wrong.push(`${names} not played`);
    }
    for (const { name, shown, source } of seen) {
      if (source === 'camera' && name !== shown) wrong.push(`${name} seen in the tile of ${shown}`);
    }
    /** @param {string[]} names */
    const sorted = (names) => [...new Set(names)].sort();
    return {
      hears: sorted(heard.flatMap((one) => one.names)),
      sees: sorted(seen.filter((one) => one.source === 'camera').map((one) => one.name)),
      shares: sorted(seen.filter((one) => one.source !== 'camera').map((one) => one.name)),
      voices: new Set(heard.flatMap((one) => one.names)).size,
      wrong,
    };
  }

  /**
   * Waits until exactly these are heard and seen, and go on being so.
   * @param {Partial<Senses>} expected what is left out is not looked at
   * @param {number} sinceEpochMs from when on to count
   * @param {number} timeoutMs
   * @returns {Promise<Sensed>}
   */
  async function sensed(expected, sinceEpochMs, timeoutMs) {
    let spent = Math.max(1, performance.timeOrigin + performance.now() - sinceEpochMs);
    let right = 0; // since when, 0: is not
    /** @type {Sensed['before']} */
    let before = null;
    for (;;) {
      const looked = performance.now();
      const last = await sense();
      const ok = last.wrong.length === 0 && /** @type {(keyof Senses)[]} */ (Object.keys(expected))
        .every((key) => String(last[key]) === String(key === 'voices' ? expected[key] : [...(expected[key] ?? [])].sort()));
      if (!ok) {
        right = 0;
        before = last;
      } else if (right === 0) right = spent;
      if (ok && spent - right >= STEADY_MS) return { ok, ms: Math.round(right), last, before };
      if (!ok && spent > timeoutMs) return { ok, ms: Math.round(spent), last, before };
      await new Promise((resolve) => setTimeout(resolve, 40));
      spent += Math.min(LOOK_MS, performance.now() - looked);
    }
  }

  /** Packets and bytes received by slot, from the browser's own counters. */
  async function received() {
    /** @type {Record<string, { kind: string, packets: number, bytes: number }>} */
    const byMid = {};
    for (const one of (await client.peer?.getStats())?.values() ?? []) {
      if (one.type !== 'inbound-rtp') continue;
      byMid[one.mid] = { kind: one.kind, packets: one.packetsReceived, bytes: one.bytesReceived };
    }
    return byMid;
  }

  /** In which slots packets arrive within `ms`. @param {number} ms */
  async function flowing(ms) {
    const before = await received();
    await new Promise((resolve) => setTimeout(resolve, ms));
    const after = await received();
    return client.slots.map(({ mid, kind, participant, source }) => ({
      mid,
      kind,
      source,
      shown: participant ? nameOf(participant) : null,
      packets: (after[mid]?.packets ?? 0) - (before[mid]?.packets ?? 0),
      bytes: (after[mid]?.bytes ?? 0) - (before[mid]?.bytes ?? 0),
    })).filter((one) => one.packets > 0);
  }

  /** What must not change: objects by identity, texts by value. */
  async function connection() {
    const peer = /** @type {RTCPeerConnection} */ (client.peer);
    const stats = [...(await peer.getStats()).values()];
    const transport = stats.find((one) => one.type === 'transport');
    const pair = stats.find((one) => one.type === 'candidate-pair'
      && (transport?.selectedCandidatePairId ? one.id === transport.selectedCandidatePairId : one.selected));
    /** @param {string | undefined} id */
    const candidate = (id) => {
      const { address, port, protocol, candidateType } = stats.find((one) => one.id === id) ?? {};
      return `${candidateType} ${protocol} ${address}:${port}`;
    };
    const dtls = peer.getSenders()[0]?.transport;
    return {
      objects: {
        client,
        peer,
        dtls,
        ice: dtls?.iceTransport,
        receivers: peer.getReceivers(),
        senders: peer.getSenders(),
      },
      texts: {
        local: peer.localDescription?.sdp,
        remote: peer.remoteDescription?.sdp,
        states: `${peer.connectionState} ${peer.iceConnectionState} ${peer.signalingState} ${dtls?.state}`,
        pair: pair && `${pair.id} ${candidate(pair.localCandidateId)} ${candidate(pair.remoteCandidateId)}`,
        certificate: stats.filter((one) => one.type === 'certificate').map((one) => one.fingerprint).sort().join(),
        load: String(performance.timeOrigin),
      },
    };
  }

  /** @type {Awaited<ReturnType<typeof connection>> | null} */
  let watched = null;
  /** @type {string[]} */
  const fired = [];

  /** From now on every event of negotiation, ICE and DTLS is written down. */
  async function watch() {
    watched = await connection();
    const { peer, dtls, ice } = watched.objects;
    /** @param {EventTarget | null | undefined} target @param {string[]} types */
    const listen = (target, types) => {
      for (const type of types) target?.addEventListener(type, () => fired.push(type));
    };
    listen(peer, ['signalingstatechange', 'negotiationneeded', 'icecandidate', 'icecandidateerror',
      'iceconnectionstatechange', 'icegatheringstatechange', 'connectionstatechange', 'track', 'datachannel']);
    listen(dtls, ['statechange', 'error']);
    listen(ice, ['statechange', 'gatheringstatechange', 'selectedcandidatepairchange']);
    for (const name of /** @type {const} */ (['createOffer', 'setLocalDescription', 'setRemoteDescription'])) {
      const original = /** @type {Function} */ (peer[name]).bind(peer);
      Object.assign(peer, { [name]: (/** @type {unknown[]} */ ...args) => { fired.push(name); return original(...args); } });
    }
    return watched.texts;
  }

  /** @param {string | undefined} text */
  const lines = (text) => String(text).split('\r\n');

  /** What is not as it was at `watch`: nothing, if all is well. */
  async function changes() {
    if (!watched) throw new Error('watch() comes first');
    const before = watched;
    const now = await connection();
    const found = fired.map((type) => `${type} fired`);
    for (const key of /** @type {const} */ (['client', 'peer', 'dtls', 'ice'])) {
      if (now.objects[key] !== before.objects[key]) found.push(`${key} is another object`);
    }
    for (const key of /** @type {const} */ (['receivers', 'senders'])) {
      const [old, one] = [before.objects[key], now.objects[key]];
      if (old.length !== one.length || old.some((item, at) => item !== one[at])) found.push(`${key} are others`);
    }
    for (const key of /** @type {(keyof typeof now.texts)[]} */ (Object.keys(now.texts))) {
      const [old, one] = [lines(before.texts[key]), lines(now.texts[key])];
      const at = old.findIndex((line, index) => line !== one[index]);
      if (String(old) !== String(one)) found.push(`${key}: ${old[at]} became ${one[at]}`);
    }
    return found;
  }

  /** @param {string} name @param {('microphone' | 'camera' | 'screen')[]} sources */
  async function publish(name, sources) {
    const wait = new Promise((resolve) => setTimeout(resolve, 1_500)); // without a sound card it never resumes
    await Promise.race([context.resume(), wait]);
    for (const source of sources) {
      await client.publish(source, source === 'microphone' ? await tone(name) : colour(name));
    }
  }

  /** How loud the own tone is from now on: 1 is full scale. @param {number} amplitude */
  function speak(amplitude) {
    for (const { gain } of gains) gain.value = amplitude;
  }

  /** @type {AnalyserNode | null} */
  let tab = null;

  /** How loud each tone is in what the tab plays, in dB, after all volumes: in a browser opened to be heard. */
  async function played() {
    if (!tab) {
      const stream = await navigator.mediaDevices.getDisplayMedia(/** @type {object} */ ({
        video: true, preferCurrentTab: true,
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, suppressLocalAudioPlayback: false },
      }));
      tab = new AnalyserNode(context, { fftSize: 8192 });
      context.createMediaStreamSource(stream).connect(tab);
      alive.push(stream);
    }
    const samples = new Float32Array(tab.fftSize);
    tab.getFloatTimeDomainData(samples);
    return Object.fromEntries(voices.map(({ name, hz }) => [name, Math.round(level(samples, context.sampleRate, hz))]));
  }

  const probe = { publish, speak, played, sense, sensed, received, flowing, watch, changes, connection };
  Object.assign(window, { probe });
  return probe;
}

/** @typedef {ReturnType<typeof installProbe>} Probe */
