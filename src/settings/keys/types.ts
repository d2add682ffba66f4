/** How a value is written, and what is allowed. */
export type KeyType =
  | { readonly kind: 'string'; readonly form?: Form; readonly empty?: true }
  | { readonly kind: 'path' }
  | { readonly kind: 'secret' }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'duration'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'size'; readonly minBytes: number; readonly maxBytes: number }
  | { readonly kind: 'mode' }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  | { readonly kind: 'strings'; readonly form?: Form }
  | { readonly kind: 'paths' }
  /** A mapping of names to texts; `masked`: what stands under the name of a secret is not shown. */
  | { readonly kind: 'texts'; readonly names: Form; readonly values?: Form; readonly masked: boolean }
  /** Statuses of HTTP and ranges of them: `204`, `200-399`. */
  | { readonly kind: 'statuses' }
  /** A number, a size in bytes, or a duration in seconds. */
  | { readonly kind: 'threshold' }
  /** Units by id, each with these keys. */
  | { readonly kind: 'units'; readonly keys: readonly Key[] }
  /** A list of mappings with these keys; `name` tells them apart. */
  | { readonly kind: 'list'; readonly keys: readonly Key[]; readonly most: number }
  /** A limit of the kernel: `65536`, `unlimited`, `1024:4096`. */
  | { readonly kind: 'rlimit' }
  /** A mapping without keys: that it is given says all. */
  | { readonly kind: 'empty' };

/** What a text has to look like. */
export interface Form {
  readonly pattern: { test(text: string): boolean };
  /** For the refusal: `not ${what}`. */
  readonly what: string;
}

export interface Key {
  /** Dotted path. */
  readonly path: string;
  readonly type: KeyType;
  /** In the notation of the configuration; undefined = absent. */
  readonly fallback?: unknown;
  /** The default holds only where one of these keys, of the same mapping, is given. */
  readonly needs?: readonly string[];
  readonly doc: string;
  /** Who may change it over the API. What grants power over the machine, or shows what is secret, is the admin's. */
  readonly scope: 'config:write' | 'admin';
  /** Whether a reload puts it into effect without a restart. */
  readonly live?: true;
}
