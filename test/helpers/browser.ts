/** A headless Chromium that reaches this machine alone, and pages of it of which everything is kept that a page should not do. */
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { foreign } from './daemon.ts';

const program = foreign('chromium') ?? foreign('chromium-browser');

/** For the options of a test: why it is skipped, or false. */
export const noBrowser: string | false = program === undefined ? 'there is no Chromium on this machine' : false;

const switches = [
  // A sandbox wants what containers lack; what is opened are the agent's own pages.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  // Every other name and address is unreachable, whoever asks for it.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
  openPage(): Promise<WatchedPage>;
}

export interface WatchedPage {
  readonly page: Page;
  /** URLs that were asked for, in order. */
  readonly requests: readonly string[];
  /** What the console showed as an error (refusals of the Content-Security-Policy too), and what was thrown. */
  readonly complaints: readonly string[];
  /** The requests that left `origin`; data and blob URLs go nowhere. */
  requestsBeyond(origin: string): readonly string[];
}

/** Throws where there is none: see `noBrowser`. */
export async function openBrowser(): Promise<TestBrowser> {
  if (program === undefined) throw new Error('there is no Chromium on this machine');
  const browser = await puppeteer.launch({ executablePath: program, headless: true, args: switches, timeout: 60_000 });
  return {
    browser,
    openPage: async () => watched(await browser.newPage()),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

function watched(page: Page): WatchedPage {
  const requests: string[] = [];
  const complaints: string[] = [];
  page.setDefaultTimeout(60_000);
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error instanceof Error ? error.message : String(error)));
  const requestsBeyond = (origin: string): readonly string[] =>
    requests.filter((url) => !/^(data|blob):/.test(url) && new URL(url).origin !== origin);
  return { page, requests, complaints, requestsBeyond };
}
