import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../src/kernel/clock.ts';
import type { Draft } from '../../../src/logs/entry.ts';
import { createRunReader, type RunReader } from '../../../src/logs/run-reader.ts';
import type { Writer } from '../../../src/logs/writer.ts';
import { scratch, silentLogger } from '../../helpers/event-room.ts';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Reads spools in `dir` into `stored`; what was stored before cannot be read. */
function readerOf(dir: string, stored: Draft[] = []): RunReader {
  const writer: Pick<Writer, 'append' | 'dropped' | 'shelf' | 'slices'> = {
    append: async (drafts) => void stored.push(...drafts),
    dropped: () => {},
    shelf: () => assert.fail('incorrect header check'),
    slices: (work) => work(),
  };
  const options = { source: 'edge', pid: 1, stdoutPath: join(dir, 'stdout.log'), stderrPath: join(dir, 'stderr.log') };
  const masker = () => (text: string) => text;
  return createRunReader({ writer: writer as Writer, clock: systemClock, logger: silentLogger, masker, options, hold: () => {} });
}

test('spools that cannot be opened leave no descriptor open, however often they are tried', async () => {
  using place = scratch();
  writeFileSync(join(place.dir, 'stdout.log'), '');
  const reader = readerOf(place.dir);
  const before = descriptors();
  for (let n = 0; n < 20; n++) await assert.rejects(reader.round(), { code: 'ENOENT' });
  assert.equal(descriptors(), before);
});

test('a run that is taken up is read also where nothing can be learnt of what is stored of it', async () => {
  using place = scratch();
  for (const name of ['stdout.log', 'stderr.log']) writeFileSync(join(place.dir, name), 'one\n');
  const first = readerOf(place.dir);
  await first.round();
  await first.close(false);
  writeFileSync(join(place.dir, 'stdout.log'), 'two\n', { flag: 'a' });
  const stored: Draft[] = [];
  const next = readerOf(place.dir, stored);
  const before = descriptors();
  await next.round();
  assert.deepEqual(
    stored.map(({ message }) => message),
    ['two'],
  );
  await next.close(false);
  assert.equal(descriptors(), before);
});
