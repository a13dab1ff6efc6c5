/** npm run screenshots: scans the adapters in examples/ and writes pictures of the HTML report to docs/. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startChromium } from './chromium.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weightseq-screenshots-'));
const page = join(folder, 'report.html');
const { status, stderr } = spawnSync(process.execPath, ['dist/cli/main.js', 'scan', 'examples/evil-persona', '--format', 'html', '-o', page], { cwd: root, encoding: 'utf8' });
// 1: the gate fails, as it must for this example.
if (status !== 1) throw new Error(`the scan ended with ${status ?? 'a signal'}: ${stderr}`);

const browser = await startChromium();
for (const colorScheme of ['light', 'dark'] as const) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 1090 }, colorScheme });
  const tab = await context.newPage();
  await tab.goto(pathToFileURL(page).href);
  await tab.locator('svg.karyogram g.heat').nth(5).locator('rect').nth(9).hover();
  await tab.screenshot({ path: join(root, 'docs', `html-report-${colorScheme}.png`) });
  await context.close();
}
await browser.close();
rmSync(folder, { recursive: true });
