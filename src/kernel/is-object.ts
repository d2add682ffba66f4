type Fields = { readonly [key: string]: unknown };

/** Whether a value of JSON is an object: neither a list nor null. */
export function isObject<T extends object | string | number | boolean | null | undefined>(value: T): value is Extract<T, Fields>;
export function isObject(value: unknown): value is Fields;
export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
