import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { RefusedError } from '../../../src/kernel/errors.ts';
import { type LoadedSettings, loadSettings } from '../../../src/settings/index.ts';

const root = mkdtempSync(join(tmpdir(), 'settings-'));
after(() => rmSync(root, { recursive: true, force: true }));

export type Env = Readonly<Record<string, string | undefined>>;

/** A new directory with these files, 0600. */
export function home(files: Readonly<Record<string, string>> = {}, mode = 0o600): string {
  const dir = mkdtempSync(join(root, 'h-'));
  for (const [name, text] of Object.entries(files)) {
    if (name.endsWith('/')) mkdirSync(join(dir, name));
    else {
      writeFileSync(join(dir, name), text);
      chmodSync(join(dir, name), mode);
    }
  }
  return dir;
}

export function load(text: string, env: Env = {}): LoadedSettings {
  const cwd = home({ 'c.yaml': text });
  return loadSettings({ configPath: join(cwd, 'c.yaml'), env, cwd });
}

/** The refusal's line, without the directory in which the test's files lie; 'accepted' when there is none. */
export function refusal(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return error.message.replaceAll(new RegExp(`${root}/h-[^/ :]+/`, 'g'), '');
  }
  return 'accepted';
}
