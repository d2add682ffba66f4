import { effect, type Signal, signal } from '@preact/signals';
import { type Language, languages } from '../text/index.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export interface Preferences {
  readonly theme: Signal<Theme>;
  readonly language: Signal<Language>;
}

/** Kept in this browser, and no secrets. */
export function createPreferences(view: Window): Preferences {
  const language = kept(view, 'language', languages, view.navigator.language.startsWith('ru') ? 'ru' : 'en');
  const theme = kept(view, 'theme', themes, 'system');
  effect(() => {
    view.document.documentElement.lang = language.value;
  });
  effect(() => {
    view.document.documentElement.dataset['theme'] = theme.value;
  });
  return { theme, language };
}

function kept<T extends string>(view: Window, name: string, values: readonly T[], first: T): Signal<T> {
  const place = `sboxagent.${name}`;
  const found = view.localStorage.getItem(place);
  const value = signal(values.find((one) => one === found) ?? first);
  effect(() => view.localStorage.setItem(place, value.value));
  return value;
}
