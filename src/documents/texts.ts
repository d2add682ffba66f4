import { hash } from 'node:crypto';
import type { Texts } from './types.ts';

/** How the texts of a revision are kept in one file. */
export function encodeTexts(texts: Texts): string {
  return JSON.stringify({ files: [...texts].map(([path, text]) => ({ path, text })) });
}

/** Throws where it is none of ours. */
export function decodeTexts(encoded: string): Texts {
  const { files } = JSON.parse(encoded) as { readonly files: readonly { readonly path: string; readonly text: string }[] };
  return new Map(files.map(({ path, text }) => [path, text]));
}

export function hashOf(texts: Texts): string {
  return hash('sha256', encodeTexts(texts));
}

export function bytesOf(texts: Texts): number {
  return [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

export function sameTexts(one: Texts, other: Texts): boolean {
  return one.size === other.size && [...one].every(([path, text]) => other.get(path) === text);
}

/** What of `next` differs. */
export function changedTexts(before: Texts, next: Texts): Texts {
  return new Map([...next].filter(([path, text]) => before.get(path) !== text));
}

/** The text of a document that has one file. */
export function onlyText(texts: Texts): string {
  return texts.values().next().value ?? '';
}
