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

/** What a row knows of its texts. */
export function factsOf(texts: Texts): { readonly bytes: number; readonly sha256: string } {
  const bytes = [...texts.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { bytes, sha256: hash('sha256', encodeTexts(texts)) };
}

export function sameTexts(one: Texts, other: Texts): boolean {
  return one.size === other.size && [...one].every(([path, text]) => other.get(path) === text);
}

/** The text of a document that has one file. */
export function onlyText(texts: Texts): string {
  return texts.values().next().value ?? '';
}
