import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Left for the browser, which reads it when it likes; the next one takes its place. */
const fileName = 'console.html';

const escaped: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/**
 * Opens an address in the browser of the desktop; false where there is none. The address holds a token and every user sees the arguments of
 * a program, so that the browser is handed a file that only this user can read, which leads there.
 */
export async function openPage(url: string, stateDir: string, env: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  if ((env['DISPLAY'] || env['WAYLAND_DISPLAY'] || env['BROWSER']) === undefined) return false;
  const path = join(stateDir, fileName);
  const target = url.replace(/[&<>"]/g, (letter) => escaped[letter] ?? '');
  rmSync(path, { force: true });
  writeFileSync(path, `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${target}">\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  const opened = await run(env['BROWSER'] || 'xdg-open', path);
  if (!opened) rmSync(path, { force: true });
  return opened;
}

function run(program: string, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, [path], { stdio: 'ignore', detached: true });
    child.once('error', () => resolve(false));
    // A browser that is the program itself stays: what was spawned is taken for opened.
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
