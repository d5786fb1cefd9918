/**
 * Debian's Chromium and Firefox ESR, headless, with fresh profiles and fake devices.
 * `CHROMIUM` and `FIREFOX` name other binaries.
 */

import { launch } from 'puppeteer-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

/** @typedef {'chromium' | 'firefox'} Kind */

/**
 * @param {Kind} kind
 * @param {number} [hz] tone of Firefox's fake microphone
 * @param {boolean} [heard] Chromium plays its tabs, and pages may record what is played; there are no devices then
 * @returns {Promise<import('puppeteer-core').Browser>}
 */
export function openBrowser(kind, hz = 1_000, heard = false) {
  const common = { headless: true, timeout: 60_000, protocolTimeout: 240_000 };
  if (kind === 'firefox') {
    return launch({
      ...common,
      browser: 'firefox',
      executablePath: FIREFOX,
      extraPrefsFirefox: {
        'media.peerconnection.ice.loopback': true,
        'media.navigator.streams.fake': true,
        'media.navigator.permission.disabled': true,
        'media.autoplay.default': 0,
        'media.autoplay.block-webaudio': false,
        'media.navigator.audio.fake_frequency': hz,
        'app.update.enabled': false,
        'network.captive-portal-service.enabled': false,
      },
    });
  }
  return launch({
    ...common,
    executablePath: CHROMIUM,
    pipe: true,
    ignoreDefaultArgs: heard ? ['--mute-audio'] : [],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      ...(heard ? ['--auto-accept-this-tab-capture']
        : ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream']),
      '--allow-loopback-in-peer-connection',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}
