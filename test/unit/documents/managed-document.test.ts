import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { finishFiles, type ManagedDocument, openDocument, settle } from '../../../src/documents/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { AgentError } from '../../../src/kernel/errors.ts';
import type { OpenStore } from '../../../src/store/index.ts';
import { openTestStore, scratch, silentLogger } from '../../helpers/event-room.ts';

const author = { name: 'ops', reason: 'because', traceId: 'ab'.repeat(16) };

interface Room {
  readonly dir: string;
  readonly store: OpenStore;
  readonly path: string;
  document: ManagedDocument;
  texts(text: string): ReadonlyMap<string, string>;
  apply(text: string): Promise<void>;
  read(): string;
  backups(): readonly string[];
  /** What a death of the agent leaves, opened anew. */
  reopen(): Promise<ManagedDocument>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A store whose procedures of these names fail, as on a full disk. */
function failing(names: ReadonlySet<string>): (store: OpenStore) => OpenStore {
  const full = <T>(): Promise<T> => Promise.reject<T>(new AgentError('JOURNAL_FULL', 'full'));
  return (store) => ({
    ...store,
    read: <T>(room: string, name: string, args: unknown): Promise<T> => (names.has(name) ? full<T>() : store.read<T>(room, name, args)),
    write: <T>(room: string, name: string, args: unknown, records?: number): Promise<T> =>
      names.has(name) ? full<T>() : store.write<T>(room, name, args, records),
  });
}

async function openRoom(
  options: { readonly file?: string; readonly keep?: number; readonly wrap?: (store: OpenStore) => OpenStore } = {},
): Promise<Room> {
  const place = scratch();
  const store = await openTestStore({ dir: place.dir });
  const path = join(place.dir, 'etc', options.file ?? 'edge.json');
  const backupDir = join(place.dir, 'backups');
  mkdirSync(join(place.dir, 'etc'));
  const open = (): Promise<ManagedDocument> =>
    openDocument({
      ...{ name: { kind: 'processes', id: 'edge' }, files: () => [path], backupDir, clock: systemClock, logger: silentLogger },
      ...{ store: options.wrap?.(store) ?? store, ...(options.keep !== undefined && { keep: options.keep }) },
    });
  const room: Room = {
    ...{ dir: place.dir, store, path, document: await open() },
    texts: (text) => new Map([[path, text]]),
    async apply(text) {
      const change = await room.document.begin({ texts: room.texts(text), author });
      change.write();
      await change.commit();
    },
    read: () => readFileSync(path, 'utf8'),
    backups: () => readdirSync(backupDir).sort(),
    async reopen() {
      room.document = await open();
      return room.document;
    },
    async [Symbol.asyncDispose]() {
      await store.stop();
      place[Symbol.dispose]();
    },
  };
  return room;
}

test('begin, write, commit: the bytes as they were given, a revision, a backup of the one before', async () => {
  await using room = await openRoom();
  const { head: none } = room.document;
  assert.equal(none, undefined);
  room.document.assertEtag('0');
  await room.apply('\uFEFF{"a": 1, // one\r\n}\n');
  await room.apply('{"a": 2}');
  const { head } = room.document;
  assert.deepEqual([room.read(), head?.revision, head?.author, head?.reason, head?.result], ['{"a": 2}', 2, 'ops', 'because', 'APPLIED']);
  assert.equal(statSync(room.path).mode & 0o777, 0o600);
  assert.equal([...(await room.document.texts(1)).values()][0], '\uFEFF{"a": 1, // one\r\n}\n');
  const [second, first] = await room.document.revisions({ limit: 9 });
  assert.deepEqual([second?.replacedTimeMs, typeof first?.replacedTimeMs, first?.bytes], [undefined, 'number', 22]);
  assert.deepEqual(room.backups(), ['1.json', '2.json']);
  room.document.assertEtag(head?.etag);
  assert.throws(() => room.document.assertEtag(first?.etag), {
    ...{ reason: 'ETAG_STALE', code: 'aborted', message: 'the configuration of process edge is at revision 2 by now' },
    metadata: { process_id: 'edge', etag: head?.etag },
  });
  assert.throws(() => room.document.assertEtag(''), { reason: 'ETAG_STALE' });
  const again = await room.reopen();
  assert.deepEqual([again.head?.etag, again.disk().kind, again.interrupted], [head?.etag, 'same', undefined]);
});

test('while it is on its way a revision is PENDING and the old one the head; rolled back it is gone, or kept with its result', async () => {
  await using room = await openRoom();
  await room.apply('one');
  const change = await room.document.begin({ texts: room.texts('two'), author, detail: { apply_id: 'x' } });
  assert.equal(change.files(), 'before');
  change.write();
  assert.deepEqual([change.files(), room.document.head?.revision], ['after', 1]);
  assert.deepEqual((await room.document.revisions({ limit: 1 }))[0]?.result, 'PENDING');
  await change.rollBack({ result: 'ROLLED_BACK', detail: { apply_id: 'x', why: 'no traffic' } });
  assert.deepEqual([room.read(), room.document.head?.revision, room.document.disk().kind], ['one', 1, 'same']);
  const [failed, good] = await room.document.revisions({ limit: 9 });
  assert.deepEqual([failed?.revision, failed?.result, failed?.detail], [2, 'ROLLED_BACK', { apply_id: 'x', why: 'no traffic' }]);
  assert.deepEqual([good?.result, good?.replacedTimeMs], ['APPLIED', undefined], 'it is no backup again');
  const other = await room.document.begin({ texts: room.texts('three'), author });
  await other.rollBack();
  assert.deepEqual(
    (await room.document.revisions({ limit: 9 })).map(({ revision }) => revision),
    [2, 1],
  );
  assert.equal((await room.reopen()).head?.revision, 1);
  await assert.rejects(other.commit(), /has ended/);
});

test('killed at each step: the next start can end it either way', async () => {
  for (const isWritten of [false, true]) {
    for (const end of ['settle', 'undo'] as const) {
      await using room = await openRoom();
      await room.apply('one');
      const change = await room.document.begin({ texts: room.texts('two'), author });
      if (isWritten) change.write();
      const document = await room.reopen();
      assert.deepEqual([document.head?.revision, document.interrupted?.files()], [1, isWritten ? 'after' : 'before']);
      if (end === 'settle') assert.equal((await settle(document))?.author, 'ops');
      else await document.interrupted?.rollBack({ result: 'FAILED' });
      const [revision, text] = end === 'settle' ? [2, 'two'] : [1, 'one'];
      assert.deepEqual(
        [document.head?.revision, room.read(), document.disk().kind, document.interrupted],
        [revision, text, 'same', undefined],
      );
      assert.ok(!room.backups().includes('pending.json'));
      await room.apply('three');
      assert.deepEqual([room.read(), (await room.reopen()).head?.revision], ['three', 3]);
    }
  }
});

test('killed while it is taken back: it is taken back at the next start, never finished', async () => {
  let hangs = false;
  const wrap = (store: OpenStore): OpenStore => ({
    ...store,
    write: <T>(room: string, name: string, args: unknown, records?: number): Promise<T> =>
      hangs && name === 'drop' ? new Promise<T>(() => {}) : store.write<T>(room, name, args, records),
  });
  await using room = await openRoom({ wrap });
  await room.apply('one');
  const change = await room.document.begin({ texts: room.texts('two'), author });
  change.write();
  hangs = true;
  void change.rollBack();
  hangs = false;
  const document = await room.reopen();
  assert.deepEqual([document.interrupted?.undoing, await settle(document)], [true, undefined]);
  assert.deepEqual([room.read(), document.head?.revision, (await document.revisions({ limit: 9 })).length], ['one', 1, 1]);
});

test('what a person wrote since the death stays, whatever the change was', async () => {
  await using room = await openRoom();
  await room.apply('one');
  (await room.document.begin({ texts: room.texts('two'), author })).write();
  writeFileSync(room.path, 'by hand');
  finishFiles(join(room.dir, 'backups'), [room.path]);
  const document = await room.reopen();
  assert.equal(document.interrupted?.files(), 'edited');
  await settle(document);
  assert.deepEqual([room.read(), document.head?.revision, document.disk().kind], ['by hand', 1, 'changed']);
  await document.adopt({ texts: room.texts('by hand'), author: { ...author, name: 'file' } });
  assert.deepEqual([document.head?.revision, document.head?.author, document.disk().kind], [2, 'file', 'same']);
});

test('a write in place that was cut is finished, or taken back', async () => {
  await using room = await openRoom();
  await room.apply('a: 1\nb: 22222\n');
  await room.document.begin({ texts: room.texts('a: 9\nc: 3\n'), author });
  for (const torn of ['a: 9\nb: 22222\n', 'a: 9\nc: 3\n222\n', '', 'a: \0\nb']) {
    writeFileSync(room.path, torn);
    const document = await room.reopen();
    assert.equal(document.interrupted?.files(), 'between', JSON.stringify(torn));
    finishFiles(join(room.dir, 'backups'), [room.path]);
    assert.equal(room.read(), 'a: 9\nc: 3\n');
  }
  writeFileSync(room.path, 'a: 9\nb: 2');
  const document = await room.reopen();
  await document.interrupted?.rollBack();
  assert.equal(room.read(), 'a: 1\nb: 22222\n');
});

test('an interrupted change that cannot be finished is taken back, and the document goes on', async () => {
  // Names end at 255 bytes, and the new file beside this one would have 18 more.
  await using room = await openRoom({ file: `${'x'.repeat(245)}.json` });
  writeFileSync(room.path, 'one');
  await room.document.adopt({ texts: room.texts('one'), author });
  await room.document.begin({ texts: room.texts('two'), author });
  const document = await room.reopen();
  await assert.rejects(settle(document), { reason: 'CONFIG_NOT_WRITTEN' });
  assert.deepEqual([document.interrupted, document.head?.revision, room.read(), room.backups()], [undefined, 1, 'one', ['1.json']]);
  writeFileSync(room.path, 'three');
  await document.adopt({ texts: room.texts('three'), author });
  assert.equal((await room.reopen()).head?.revision, 2);
});

test('what cannot be written or recorded changes nothing', async () => {
  let fails = '';
  const wrap = (store: OpenStore): OpenStore => ({
    ...store,
    write: <T>(room: string, name: string, args: unknown, records?: number): Promise<T> =>
      name === fails ? Promise.reject(new AgentError('JOURNAL_FULL', 'full')) : store.write<T>(room, name, args, records),
  });
  await using room = await openRoom({ wrap });
  await room.apply('one');
  fails = 'add';
  await assert.rejects(room.document.begin({ texts: room.texts('two'), author }), { reason: 'DISK_FULL' });
  fails = '';
  assert.deepEqual([room.read(), room.backups()], ['one', ['1.json']]);
  const refused = await room.document.begin({ texts: room.texts('refused'), author });
  refused.write();
  fails = 'update';
  await assert.rejects(refused.commit({ apply_id: 'x' }), { reason: 'JOURNAL_FULL' });
  fails = '';
  await refused.rollBack();
  assert.deepEqual([room.read(), room.document.head?.revision], ['one', 1], 'a commit that failed can be taken back');
  rmSync(room.path);
  mkdirSync(room.path);
  const change = await room.document.begin({ texts: room.texts('two'), author });
  assert.throws(() => change.write(), { reason: 'CONFIG_NOT_WRITTEN', metadata: { file: room.path } });
  await change.rollBack();
  assert.deepEqual([room.backups(), (await room.document.revisions({ limit: 9 })).length], [['1.json'], 1]);
  fails = 'add';
  await room.document.adopt({ texts: room.texts('by hand'), author });
  assert.equal(room.document.head?.revision, 2, 'what is in the file is in effect, recorded or not');
  fails = '';
  rmSync(room.path, { recursive: true });
  await room.apply('three');
  assert.equal(room.document.head?.revision, 3, 'a number is never given twice');
});

test('a store that was ill when the document was opened: an interrupted change that ended meanwhile stays the head', async () => {
  const ill = new Set<string>();
  await using room = await openRoom({ wrap: failing(ill) });
  await room.apply('one');
  (await room.document.begin({ texts: room.texts('two'), author })).write();
  ill.add('load');
  const document = await room.reopen();
  assert.deepEqual([document.head, document.interrupted?.files()], [undefined, 'after']);
  await settle(document);
  assert.equal(document.head?.revision, 2);
  await assert.rejects(document.begin({ texts: room.texts('three'), author }), { reason: 'DISK_FULL' });
  ill.clear();
  const change = await document.begin({ texts: room.texts('three'), author });
  assert.deepEqual([document.head.revision, change.revision.revision], [2, 3]);
  await change.rollBack();
  assert.deepEqual([room.read(), document.head.revision, (await room.reopen()).head?.revision], ['two', 2, 2]);
});

test('what is interrupted when the files had its texts already has all texts of the document', async () => {
  await using room = await openRoom();
  await room.apply('one');
  writeFileSync(room.path, 'by hand');
  await room.document.begin({ texts: room.texts('by hand'), author });
  const document = await room.reopen();
  assert.equal((await settle(document))?.revision, 2);
  assert.deepEqual([document.head?.texts.get(room.path), document.disk().kind], ['by hand', 'same']);
  assert.deepEqual([...(await document.texts(2)).values()], ['by hand']);
});

test('while a change is open no other takes the place of its intent', async () => {
  await using room = await openRoom();
  await room.apply('one');
  const change = await room.document.begin({ texts: room.texts('two'), author });
  const pending = join(room.dir, 'backups', 'pending.json');
  const intent = readFileSync(pending);
  await assert.rejects(room.document.begin({ texts: room.texts('three'), author }), /has an open change/);
  await assert.rejects(room.document.adopt({ texts: room.texts('three'), author }), /has an open change/);
  assert.deepEqual([readFileSync(pending), room.document.head?.revision], [intent, 1]);
  await change.rollBack();
});

test('what the store cannot take back is taken back by the next start', async () => {
  for (const [procedure, keep, results] of [
    ['drop', undefined, ['APPLIED']],
    ['update', { result: 'FAILED' }, ['APPLIED']],
  ] as const) {
    const ill = new Set<string>();
    await using room = await openRoom({ wrap: failing(ill) });
    await room.apply('one');
    const change = await room.document.begin({ texts: room.texts('two'), author });
    ill.add(procedure);
    await change.rollBack(keep);
    assert.deepEqual([room.document.head?.revision, room.backups().includes('pending.json')], [1, true]);
    ill.clear();
    const document = await room.reopen();
    assert.deepEqual([document.head?.revision, document.interrupted?.undoing, await settle(document)], [1, true, undefined]);
    assert.deepEqual([room.read(), (await room.reopen()).head?.revision, room.backups()], ['one', 1, ['1.json']]);
    assert.deepEqual(
      (await room.document.revisions({ limit: 9 })).map(({ result }) => result),
      results,
    );
  }
});

test('what the store cannot take back is taken back before the next change', async () => {
  const ill = new Set<string>();
  await using room = await openRoom({ wrap: failing(ill) });
  await room.apply('one');
  const change = await room.document.begin({ texts: room.texts('two'), author });
  change.write();
  ill.add('update');
  await change.rollBack({ result: 'ROLLED_BACK' });
  await assert.rejects(room.document.begin({ texts: room.texts('three'), author }), { reason: 'DISK_FULL' });
  assert.ok(room.backups().includes('pending.json'));
  ill.clear();
  const next = await room.document.begin({ texts: room.texts('three'), author });
  await next.rollBack();
  const document = await room.reopen();
  assert.deepEqual([room.read(), document.head?.revision, document.interrupted], ['one', 1, undefined]);
  assert.deepEqual(
    (await document.revisions({ limit: 9 })).map(({ revision, result }) => [revision, result]),
    [
      [2, 'ROLLED_BACK'],
      [1, 'APPLIED'],
    ],
  );
});

test('texts of revisions are their owner’s alone; one that was changed is damaged, one that is gone is not there', async () => {
  await using room = await openRoom();
  await room.apply('grün');
  await room.apply('two');
  const kept = join(room.dir, 'backups', '1.json');
  assert.deepEqual(
    [kept, join(room.dir, 'backups')].map((path) => statSync(path).mode & 0o777),
    [0o600, 0o700],
  );
  assert.deepEqual([...(await room.document.texts(1)).values()], ['grün']);
  writeFileSync(kept, readFileSync(kept, 'utf8').replace('grün', 'gren'));
  await assert.rejects(room.document.texts(1), { reason: 'BACKUP_DAMAGED', metadata: { backup: '1.json' } });
  rmSync(kept);
  await assert.rejects(room.document.texts(1), { reason: 'BACKUP_NOT_FOUND', metadata: { backup: '1.json' } });
  await assert.rejects(room.document.texts(7), { reason: 'CONFIG_REVISION_NOT_FOUND', metadata: { revision: '7', process_id: 'edge' } });
});

test('a change whose proof throws is taken back as a whole', async () => {
  await using room = await openRoom();
  await room.apply('one');
  const change = await room.document.begin({ texts: room.texts('two'), author });
  const prove = async (): Promise<void> => {
    assert.equal(room.read(), 'two');
    throw new Error('no traffic');
  };
  await assert.rejects(change.apply(prove), /no traffic/);
  assert.deepEqual([room.read(), room.document.head?.revision, room.backups()], ['one', 1, ['1.json']]);
  await (await room.document.begin({ texts: room.texts('two'), author })).apply();
  assert.deepEqual([room.read(), room.document.head?.revision], ['two', 2]);
});

test('the newest revisions are kept, and the one in effect whatever came after it', async () => {
  await using room = await openRoom({ keep: 3 });
  for (const text of ['1', '2', '3', '4', '5']) await room.apply(text);
  assert.deepEqual(
    (await room.document.revisions({ limit: 9 })).map(({ revision }) => revision),
    [5, 4, 3],
  );
  for (let i = 0; i < 5; i++) {
    const change = await room.document.begin({ texts: room.texts(`bad ${i}`), author });
    await change.rollBack({ result: 'FAILED' });
  }
  assert.deepEqual(
    (await room.document.revisions({ limit: 9 })).map(({ revision }) => revision),
    [10, 9, 5],
  );
  assert.deepEqual(
    (await room.document.revisions({ limit: 1, before: 9 })).map(({ revision }) => revision),
    [5],
  );
  assert.equal([...(await room.document.texts(5)).values()][0], '5');
  await assert.rejects(room.document.texts(4), { reason: 'CONFIG_REVISION_NOT_FOUND', metadata: { revision: '4', process_id: 'edge' } });
  await room.document.forget([5, 9]);
  assert.deepEqual(
    (await room.document.revisions({ limit: 9 })).map(({ revision }) => revision),
    [10, 5],
    'never the head',
  );
});

test('files: missing, unreadable, too large, links', async () => {
  await using room = await openRoom();
  assert.equal(room.document.disk().kind, 'missing');
  await room.apply('one');
  const real = join(room.dir, 'real.json');
  writeFileSync(real, 'one', { mode: 0o640 });
  rmSync(room.path);
  symlinkSync(real, room.path);
  await room.apply('two');
  assert.deepEqual([readFileSync(real, 'utf8'), statSync(real).mode & 0o777], ['two', 0o640]);
  writeFileSync(real, Buffer.from([0xff, 0xfe]));
  assert.deepEqual(reasonOf(room.document), 'it is not UTF-8');
  writeFileSync(real, ' '.repeat(4 * 1024 * 1024 + 1));
  assert.deepEqual(reasonOf(room.document), 'it has more than 4 MiB');
  room.document.restoreFiles();
  assert.deepEqual([room.document.disk().kind, readFileSync(real, 'utf8')], ['same', 'two']);
});

function reasonOf(document: ManagedDocument): string {
  const disk = document.disk();
  return disk.kind === 'unreadable' ? disk.message : disk.kind;
}

test('removed, nothing is left; killed on the way, the next start ends it', async () => {
  let hangs = true;
  const wrap = (store: OpenStore): OpenStore => ({
    ...store,
    write: <T>(room: string, name: string, args: unknown, records?: number): Promise<T> =>
      hangs && name === 'remove' ? new Promise<T>(() => {}) : store.write<T>(room, name, args, records),
  });
  await using room = await openRoom({ wrap });
  await room.apply('one');
  void room.document.remove();
  while (existsSync(join(room.dir, 'backups'))) await systemClock.sleep(5);
  hangs = false;
  const document = await room.reopen();
  assert.deepEqual([document.head, await document.revisions({ limit: 9 }), existsSync(room.path)], [undefined, [], false]);
  await room.apply('anew');
  assert.equal(room.document.head?.revision, 1);
});

test('a document on its way out while the store is ill is removed before the next change', async () => {
  const ill = new Set(['remove']);
  await using room = await openRoom({ wrap: failing(ill) });
  await room.apply('one');
  await room.apply('two');
  await assert.rejects(room.document.remove(), { reason: 'JOURNAL_FULL' });
  ill.add('load');
  const document = await room.reopen();
  ill.clear();
  await room.apply('anew');
  assert.deepEqual([document.head?.revision, room.read()], [1, 'anew']);
  const again = await room.reopen();
  assert.deepEqual([again.head?.revision, (await again.revisions({ limit: 9 })).length, room.read()], [1, 1, 'anew']);
});

test('stray files of killed writes are cleared at the start, and no others', async () => {
  await using room = await openRoom();
  await room.apply('one');
  const strays = [
    'etc/.edge.json.0123456789ab.tmp',
    'backups/.pending.json.0123456789ab.tmp',
    'backups/.7.json.0123456789ab.tmp',
    'backups/overwritten/.a1-edge.json.0123456789ab.tmp',
  ];
  mkdirSync(join(room.dir, 'backups/overwritten'));
  const others = ['etc/.other.json.0123456789ab.tmp', 'etc/.edge.json.swp', 'backups/notes.txt'];
  for (const name of [...strays, ...others, 'backups/7.json']) writeFileSync(join(room.dir, name), 'secret');
  await room.reopen();
  assert.deepEqual(
    [...strays, ...others, 'backups/7.json'].filter((name) => existsSync(join(room.dir, name))),
    others,
  );
});
