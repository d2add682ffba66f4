/** What the journal's procedures know of its rows. */
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { prepared } from '../store/index.ts';

export function number(value: unknown): number {
  return Number(value ?? 0);
}

/** Protects a record against bits that change on the disk, which SQLite itself does not notice; its place is part of it. */
export function checksum(revision: number, body: string): number {
  return crc32(body, crc32(String(revision)));
}

export function lastRevision(db: DatabaseSync): number {
  return number(prepared(db, "SELECT seq FROM sqlite_sequence WHERE name = 'events'").get()?.['seq']);
}

export function firstRevision(db: DatabaseSync): number {
  return number(prepared(db, 'SELECT revision FROM events ORDER BY revision LIMIT 1').get()?.['revision']);
}
