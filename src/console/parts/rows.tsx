import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../core/app.ts';

/**
 * Keys of a list: the view marks its rows with `data-row`, and j and k go from one to the next by the focus of the browser itself, so that
 * a screen reader follows. The row that a key is for is the one that has the focus.
 */
export function useRowKeys(onKey: (key: string, row: string) => boolean) {
  const box = useRef<HTMLDivElement>(null);
  const act = useRef(onKey);
  act.current = onKey;
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const rows = [...(box.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])];
      const at = rows.findIndex((row) => row.contains(document.activeElement));
      if (event.key === 'j' || event.key === 'k') {
        const next = rows[at === -1 ? 0 : Math.max(0, Math.min(rows.length - 1, at + (event.key === 'j' ? 1 : -1)))];
        next?.focus();
        next?.scrollIntoView({ block: 'nearest' });
        event.preventDefault();
        return;
      }
      const row = rows[at];
      if (row !== undefined && act.current(event.key, row.dataset['row'] ?? '')) event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  return box;
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** A field that `/` goes to; its text stands in the address, so that a filter can be linked to. */
export function FilterField({ name, label }: { readonly name: string; readonly label: string }) {
  const { router } = useApp();
  const value = router.route.value.query.get(name) ?? '';
  return (
    <input
      type="search"
      class="field"
      data-filter=""
      aria-label={label}
      placeholder={label}
      value={value}
      onInput={(event) => router.ask({ [name]: event.currentTarget.value })}
    />
  );
}
