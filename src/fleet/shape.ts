/** What is read from a bucket is of others: its form is looked at before anything of it is used. */
import { isObject } from '../kernel/is-object.ts';

export type Test = (value: unknown) => boolean;
export type Shape<T> = { readonly [name in keyof Required<T>]: Test };

const longestText = 4096;
const agentForm = /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/;

export const isText: Test = (value) => typeof value === 'string' && value.length <= longestText;
export const isFlag: Test = (value) => typeof value === 'boolean';
export const isCount: Test = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
export const isAgent: Test = (value) => typeof value === 'string' && agentForm.test(value);
export const matches =
  (form: RegExp): Test =>
  (value) =>
    typeof value === 'string' && form.test(value);
export const oneOf =
  (values: readonly string[]): Test =>
  (value) =>
    typeof value === 'string' && values.includes(value);
export const listOf =
  (test: Test, most: number): Test =>
  (value) =>
    Array.isArray(value) && value.length <= most && value.every(test);
export const mapOf =
  (test: Test, most: number): Test =>
  (value) =>
    isObject(value) && Object.keys(value).length <= most && Object.entries(value).every(([name, one]) => isText(name) && test(one));
export const shaped =
  <T>(shape: Shape<T>): Test =>
  (value) =>
    isObject(value) && Object.entries<Test>(shape).every(([name, test]) => test(value[name]));

/** undefined: it is none. */
export function parseAs<T>(text: string, test: Test): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return test(value) ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
