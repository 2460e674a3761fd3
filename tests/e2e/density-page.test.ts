import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestCli } from '../fixtures/cli.js';
import { describeWith } from '../privileges.js';

const executablePath = '/usr/bin/chromium';
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const requirement = {
  met: process.getuid?.() === 0 && existsSync(executablePath),
  reason: 'requires root and chromium',
};

/** What runs in the page is text: this project has no types of a browser. For each diagram the share of pixels that are drawn. */
const ink = `[...document.querySelectorAll('canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let drawn = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) drawn += 1;
  return drawn / (data.length / 4);
})`;

describeWith(requirement, 'the page of a density report', () => {
  let cli: TestCli;
  let browser: Browser;
  let profile: string;
  let file: string;
  beforeAll(async () => {
    cli = new TestCli();
    file = join(cli.scope.directory, 'report.html');
    const few = ['--count', '40', '--control', '20', '--execs', '20', '--requests', '50'];
    await cli.output('density', ...few, '--workload', 'http', '--report', file);
    profile = mkdtempSync(join(tmpdir(), 'warren-page-'));
    browser = await chromium.launch({ executablePath, args: flags, env: { HOME: profile } });
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
    await cli[Symbol.asyncDispose]();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`draws every diagram in ${colorScheme} colours, without errors and without the network`, async () => {
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      page.on('request', (request) => {
        if (!/^(file|blob|data):/.test(request.url())) problems.push(request.url());
      });
      await page.goto(`file://${file}`);
      await page.waitForFunction('document.documentElement.dataset.drawn !== undefined');
      // uPlot draws in the next microtask: after a frame all is there.
      await page.evaluate('new Promise((resolve) => requestAnimationFrame(resolve))');
      const shares = await page.evaluate<number[]>(ink);
      expect(shares).toHaveLength(4);
      for (const share of shares) expect(share).toBeGreaterThan(0.005);
      expect(problems).toEqual([]);
      const back = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(back).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 27)' : 'rgb(255, 255, 255)');
      await context.close();
    });
  }

  test('shows the headline, the tables, the manifest, and gives the raw rows', async () => {
    const page = await browser.newPage();
    await page.goto(`file://${file}`);
    expect(await page.textContent('h1')).toBe('40 containers on one machine');
    expect(await page.locator('table').count()).toBeGreaterThan(6);
    expect(await page.locator('figure [role=img][aria-label]').count()).toBe(4);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('#download-csv'),
    ]);
    expect(download.suggestedFilename()).toBe('launches.csv');
    await page.close();
  });
});
