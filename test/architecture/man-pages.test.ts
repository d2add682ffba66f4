import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { commandManPage, configurationManPage } from '../../docs/man-pages.ts';
import type { CommandSpec } from '../../src/cli/command-spec.ts';
import { commands } from '../../src/cli/command-table.ts';
import { keyTable } from '../../src/settings/keys.ts';
import { foreign, root } from '../helpers/daemon.ts';

const pages = { 'sboxagent.1': commandManPage(), 'sboxagent.yaml.5': configurationManPage() };
const mandoc = foreign('mandoc');
const run = (...args: readonly string[]): string => execFileSync(mandoc ?? '', args, { encoding: 'utf8', cwd: join(root, 'docs/man') });

/** `plugins list` of a command with subcommands. */
function names({ name, subcommands = [], load }: CommandSpec): string[] {
  const own = load !== undefined || subcommands.length === 0 ? [name] : [];
  return [...own, ...subcommands.flatMap(names).map((sub) => `${name} ${sub}`)];
}

describe('man pages', () => {
  it('are committed as they are generated: `npm run generate:docs`', () => {
    for (const [name, page] of Object.entries(pages)) {
      assert.ok(readFileSync(join(root, 'docs/man', name), 'utf8') === page, `docs/man/${name} is an older one`);
    }
  });

  it('no line of prose is a request of roff by chance', () => {
    const known = /^\.(\\"|Dd|Dt|Os|Sh|Ss|Nm|Nd|Op|Ar|Fl|Pp|Bl|El|It|Xr|Dl|br\b)/;
    for (const page of Object.values(pages)) {
      for (const line of page.split('\n')) assert.ok(!/^[.']/.test(line) || known.test(line), line);
    }
  });

  it('are clean by mandoc, and say every command, flag and key', { skip: mandoc === undefined && 'there is no mandoc' }, () => {
    for (const name of Object.keys(pages)) assert.equal(run('-T', 'lint', '-W', 'warning', name), '');
    const shown = run('-T', 'utf8', '-O', 'width=200', 'sboxagent.1').replaceAll(/.[\b]/g, '');
    for (const name of commands.flatMap(names)) assert.match(shown, new RegExp(`^ {5}${name}\\b`, 'm'), name);
    for (const flag of ['--state-dir path', '-n, --lines count', '-o, --output format']) assert.ok(shown.includes(flag), flag);
    const keys = run('-T', 'utf8', '-O', 'width=200', 'sboxagent.yaml.5').replaceAll(/.[\b]/g, '');
    for (const { path } of keyTable) assert.ok(keys.includes(path), path);
  });
});
