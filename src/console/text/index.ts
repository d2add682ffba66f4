/** What the page says, in two tables of one type: a text that one of them lacks does not compile. */
import { en } from './en.ts';
import { ru } from './ru.ts';

export const languages = ['en', 'ru'] as const;
export type Language = (typeof languages)[number];

/** The shape of the English table with its words let go: every language has the same keys, and functions of the same parameters. */
type Worded<T> = T extends string
  ? string
  : T extends (...args: infer A) => string
    ? (...args: A) => string
    : { readonly [K in keyof T]: Worded<T[K]> };

export type Texts = Worded<typeof en>;

export const tables: Readonly<Record<Language, Texts>> = { en, ru };
