/** Inserts of one row with a commit each (WAL, synchronous=FULL) for as long as it is asked to: what a commit per event allows at most. */
import { DatabaseSync } from 'node:sqlite';
import { input, ready } from './peer.ts';

const database = new DatabaseSync(input<{ path: string }>().path);
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE events (revision INTEGER PRIMARY KEY, body BLOB NOT NULL)');
const insert = database.prepare('INSERT INTO events (body) VALUES (?)');
const body = Buffer.alloc(250, 'x');

process.on('message', ({ forMs }: { readonly forMs: number }) => {
  const start = performance.now();
  let count = 0;
  while (performance.now() < start + forMs) {
    insert.run(body);
    count += 1;
  }
  process.send?.({ value: (count * 1000) / (performance.now() - start), count });
});
ready(0);
