import { useEffect } from 'preact/hooks';
import { isTyping } from '../parts/rows.tsx';
import { useApp } from './app.ts';
import { after } from './time.ts';

/** The second key after g. */
export const places = {
  o: '',
  p: 'processes',
  e: 'events',
  l: 'plugins',
  a: 'alerts',
  t: 'traces',
  f: 'fleet',
  c: 'config',
  h: 'health',
} as const;

const chordMs = 1500;

/** Keys of the whole page: g and a letter go to a view, / to the filter, ? shows the keys, Escape leaves a field. */
export function usePageKeys(showKeys: () => void): void {
  const { router } = useApp();
  useEffect(() => {
    let going = false;
    let forget = (): void => {};
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (isTyping(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur();
        return;
      }
      const place = going ? (places as Readonly<Record<string, string>>)[event.key] : undefined;
      going = false;
      forget();
      if (place !== undefined) router.go(`#/${place}`);
      else if (event.key === 'g') {
        going = true;
        forget = after(chordMs, () => {
          going = false;
        });
        return;
      } else if (event.key === '/') document.querySelector<HTMLElement>('[data-filter]')?.focus();
      else if (event.key === '?') showKeys();
      else return;
      // A key that is spent here is nothing to the rows of a list.
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    document.addEventListener('keydown', press, { capture: true });
    return () => {
      forget();
      document.removeEventListener('keydown', press, { capture: true });
    };
  }, []);
}
