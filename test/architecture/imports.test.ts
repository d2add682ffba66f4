import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { importTable } from './import-table.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync('src/*/**/*.{ts,tsx}', { cwd: root });
const importLine = /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g;

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(importLine)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

function roomOf(file: string): string {
  const [top = '', room = ''] = file.split('/');
  return top === 'src' ? room : top;
}

test('every room stands in the import table, and every row is a room', () => {
  const rooms = [...new Set(files.map(roomOf))].sort();
  assert.deepEqual(rooms, Object.keys(importTable).sort());
});

for (const [room, allowed] of Object.entries(importTable)) {
  test(`${room} imports what the table allows`, () => {
    const wrong: string[] = [];
    for (const file of files.filter((f) => roomOf(f) === room)) {
      for (const target of importsOf(file)) {
        if (target.startsWith('node:')) continue;
        if (target.startsWith('.')) {
          const other = roomOf(normalize(join(dirname(file), target)));
          if (other !== room && !(other in allowed.rooms)) wrong.push(`${file} -> ${other} (${target})`);
        } else if (!Object.keys(allowed.packages).some((p) => target === p || target.startsWith(p.endsWith('/') ? p : `${p}/`))) {
          wrong.push(`${file} -> ${target}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
}

/** What may be used in few places only: [what, where it may stand, why]. */
const confined: readonly (readonly [RegExp, RegExp, string])[] = [
  [
    /from 'node:child_process'/,
    /^src\/(processes\/(spawner|launch\/launcher)|app\/notify-channel|cli\/(editor|browser))\.ts$/,
    'children are made by the spawner, and by the launcher that it goes through; systemd is notified by its own program; the client opens an editor and a browser',
  ],
  [
    /(?:^|\n)import (?!type )[^;]*from '(?:node:)?http'/,
    /^$/,
    'node:http is had from kernel/node-http.ts: an import of it loads fetch and WebSocket of Node, 14 MiB',
  ],
  [/\bprocess\.env\b/, /^src\/settings\//, 'the environment is configuration'],
  [/(?<!\.)\bconsole\.(?!enabled)\w+\(/, /^$/, 'the logger writes'],
  [
    /\bDate\.now\(|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\(/,
    /^src\/(kernel\/clock|console\/core\/time)\.ts$/,
    'time goes through the clock',
  ],
];

for (const [what, where, why] of confined) {
  test(`${what.source}: ${why}`, () => {
    const wrong = files.filter((f) => !where.test(f) && what.test(readFileSync(join(root, f), 'utf8')));
    assert.deepEqual(wrong, []);
  });
}

test('each room has a front door that opens with its purpose', () => {
  for (const room of Object.keys(importTable).filter((r) => r !== 'kernel' && r !== 'app')) {
    const text = readFileSync(join(root, 'src', room, 'index.ts'), 'utf8');
    assert.match(text, /^\/\*\*/, `src/${room}/index.ts opens with a comment`);
  }
});

/** The circles that imports make among `inRoom`, types counted too. */
function circles(inRoom: readonly string[]): string[] {
  const known = new Set(inRoom);
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at !== -1) found.push([...path.slice(at), file].join(' -> '));
    if (at !== -1 || done.has(file)) return;
    for (const target of importsOf(file)) {
      const other = target.startsWith('.') ? normalize(join(dirname(file), target)) : '';
      if (known.has(other)) visit(other, [...path, file]);
    }
    done.add(file);
  };
  for (const file of inRoom) visit(file, []);
  return found;
}

test('no circle of imports in the api', () => {
  assert.deepEqual(circles(files.filter((file) => roomOf(file) === 'api')), []);
});

/** Where somebody looks who asks what a protocol is spoken in. */
const mediaTypes: readonly (readonly [RegExp, string])[] = [
  [/'application\/grpc(?!-web)/, 'src/api/protocols/grpc.ts'],
  [/'application\/grpc-web/, 'src/api/protocols/grpc-web.ts'],
  [/'application\/connect/, 'src/api/protocols/connect.ts'],
  [/'(text\/event-stream|application\/x-ndjson)/, 'src/api/protocols/rest/stream.ts'],
];

for (const [written, file] of mediaTypes) {
  test(`${written.source} stands in ${file} alone`, () => {
    const found = files.filter((f) => roomOf(f) === 'api' && written.test(readFileSync(join(root, f), 'utf8')));
    assert.deepEqual(found, [file]);
  });
}
