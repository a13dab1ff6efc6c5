/** The Chromium of the machine (CHROMIUM, else /usr/bin/chromium), for the browser tests and the screenshots. */
import { chromium, type Browser } from 'playwright-core';

/** Starts it without anything that would ask the network of its own accord. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}
