/** `google.protobuf.Struct` off the wire as the JSON text that the library's object of it would have. */
import { JsonText } from '../../kernel/json-text.ts';
import { containerBytes, fieldBytes, keyBytes, numberBytes, scalarBytes, structLevels, wrapBytes } from '../../kernel/wire-size.ts';
import { tooDeep, unusual, wire } from './wire-reader.ts';

/** The fields of `google.protobuf.Value`, with their wire types. */
const tags = { null: 0x08, number: 0x11, text: 0x1a, flag: 0x20, object: 0x2a, list: 0x32 } as const;

/** What JSON writes otherwise, and what is no ASCII. */
const notPlain = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;
/** An object has keys of this form before all others, whatever their order on the wire. */
const numberKey = /^[0-9]/;
/** Deeper ones are for the library, which refuses them. Two messages are around: the request and its event. */
const deepest = structLevels(2);
/** Places of the keys that are remembered, behind those of an event's own texts. */
const keyPlaces = { first: 32, last: 63 } as const;
/** A longer list of keys is kept by nobody but its event. */
const mostKept = 64;
const opening = /^\{/;
/** An object of more is the library's: each key is looked for among those before it. */
const mostOwn = 64;

/** What is known of the struct that is read. */
const facts = { wireBytes: 0, depth: 0, keys: [] as readonly string[], hasUrl: false, hasList: false };
/** The keys that were read of it. */
let keys: string[] = [];
/** Those of the struct before: most have the same, and then the same list of them. */
let keysBefore: readonly string[] = [];
/** Whether the message has a URL anywhere: where it has none, no text of it is looked through. */
let urls = false;

/** Reads one with its length before it. Throws `unusual` where its object would not be what the text says. */
export function readStructText(mayHaveUrls: boolean): JsonText {
  facts.wireBytes = 0;
  facts.depth = 0;
  keys = [];
  facts.hasUrl = false;
  facts.hasList = false;
  urls = mayHaveUrls;
  const json = objectText(1);
  // Makes one text of its parts, so that the message they were cut from is not kept with it.
  opening.test(json);
  if (keys.length !== keysBefore.length || keys.some((key, i) => key !== keysBefore[i])) keysBefore = keys;
  facts.keys = keysBefore;
  if (keys.length > mostKept) keysBefore = [];
  return new JsonText(json, facts);
}

function enterContainer(depth: number): void {
  if (depth > deepest) throw tooDeep;
  if (depth > facts.depth) facts.depth = depth;
  facts.wireBytes += containerBytes;
}

function objectText(depth: number): string {
  enterContainer(depth);
  const object = wire.enter();
  const own: string[] = [];
  let json = '';
  while (wire.more()) {
    wire.expect(0x0a);
    const entry = wire.enter();
    const key = readKey(own);
    wire.expect(0x12);
    json += `${json === '' ? '{' : ','}${notPlain.test(key) ? JSON.stringify(key) : `"${key}"`}:${valueText(depth)}`;
    if (wire.more()) throw unusual;
    wire.leave(entry);
  }
  wire.leave(object);
  return json === '' ? '{}' : `${json}}`;
}

/** `own` has the keys that this object has already. */
function readKey(own: string[]): string {
  wire.expect(0x0a);
  const key = wire.repeatedText(Math.min(keyPlaces.first + keys.length, keyPlaces.last));
  if (own.length === mostOwn || own.includes(key) || numberKey.test(key) || key === '__proto__') throw unusual;
  own.push(key);
  keys.push(key);
  facts.wireBytes += keyBytes(key);
  return key;
}

function listText(depth: number): string {
  enterContainer(depth);
  facts.hasList = true;
  const list = wire.enter();
  let json = '';
  while (wire.more()) {
    wire.expect(0x0a);
    json += `${json === '' ? '[' : ','}${valueText(depth)}`;
  }
  wire.leave(list);
  return json === '' ? '[]' : `${json}]`;
}

/** One value with its length before it, which holds one field and nothing else. */
function valueText(depth: number): string {
  const value = wire.enter();
  const json = fieldText(wire.byte(), depth);
  if (wire.more()) throw unusual;
  wire.leave(value);
  return json;
}

function fieldText(tag: number, depth: number): string {
  switch (tag) {
    case tags.text:
      return textText();
    case tags.number:
      return numberText();
    case tags.flag:
      facts.wireBytes += scalarBytes + wrapBytes;
      return wire.number() === 0 ? 'false' : 'true';
    case tags.object:
      return objectText(depth + 1);
    case tags.list:
      return listText(depth + 1);
    case tags.null:
      if (wire.number() !== 0) throw unusual;
      facts.wireBytes += scalarBytes + wrapBytes;
      return 'null';
    default:
      throw unusual;
  }
}

function numberText(): string {
  const number = wire.double();
  if (!Number.isFinite(number) || Object.is(number, -0)) throw unusual;
  facts.wireBytes += numberBytes + wrapBytes;
  return `${number}`;
}

function textText(): string {
  const letters = wire.letters();
  facts.wireBytes += fieldBytes(letters.length) + wrapBytes;
  if (urls && letters.includes('://')) facts.hasUrl = true;
  return notPlain.test(letters) ? JSON.stringify(wire.decoded(letters)) : `"${letters}"`;
}
