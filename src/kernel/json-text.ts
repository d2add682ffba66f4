import type { JsonValue } from './redaction.ts';

export interface JsonFacts {
  /** Of its wire form (google.protobuf.Struct), as `wire-size.ts` counts. */
  readonly wireBytes: number;
  /** Levels of containers, the object itself counted in. */
  readonly depth: number;
  /** The keys at any level, in any order; some may stand there twice. */
  readonly keys: readonly string[];
  /** Whether a text has `://` in it, or may have. */
  readonly hasUrl: boolean;
  readonly hasList: boolean;
}

/**
 * A JSON object as text, with what a judge asks of it. Who reads it off the wire and writes it to the disk makes no object of it: that costs more
 * than both. It holds what JSON can carry and nothing else: finite numbers, whole Unicode, each key once.
 */
export class JsonText implements JsonFacts {
  readonly json: string;
  readonly wireBytes: number;
  readonly depth: number;
  readonly keys: readonly string[];
  readonly hasUrl: boolean;
  readonly hasList: boolean;

  constructor(json: string, { wireBytes, depth, keys, hasUrl, hasList }: JsonFacts) {
    this.json = json;
    this.wireBytes = wireBytes;
    this.depth = depth;
    this.keys = keys;
    this.hasUrl = hasUrl;
    this.hasList = hasList;
  }

  /** A new object each time. */
  value(): { readonly [key: string]: JsonValue } {
    return JSON.parse(this.json);
  }
}
