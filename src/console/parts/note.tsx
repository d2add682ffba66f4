import type { ComponentChildren } from 'preact';
import { useTexts } from '../core/app.ts';
import { sentenceOf, violationsOf } from '../core/errors.ts';
import type { Loaded } from '../core/use-load.ts';
import { Button } from './button.tsx';

export function Note({ tone, children }: { readonly tone: 'ok' | 'warn' | 'bad' | 'calm'; readonly children: ComponentChildren }) {
  return <div class={`note ${tone}`}>{children}</div>;
}

/** What is said where a list has nothing to show. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function ErrorNote({ error, retry }: { readonly error: unknown; readonly retry?: (() => void) | undefined }) {
  const texts = useTexts();
  return (
    <div class="note bad" role="alert">
      <p>{sentenceOf(error)}</p>
      {violationsOf(error).map(({ field, description }) => (
        <p key={field + description}>
          <code>{field}</code> {description}
        </p>
      ))}
      {retry !== undefined && <Button onPress={retry}>{texts.common.retry}</Button>}
    </div>
  );
}

/** Shows what was loaded, or why it was not. */
export function Ready<T>({
  of,
  children,
}: {
  readonly of: Loaded<T>;
  readonly children: (value: T, reload: () => void) => ComponentChildren;
}) {
  const texts = useTexts();
  switch (of.kind) {
    case 'loading':
      return (
        <p class="empty" aria-busy="true">
          {texts.common.loading}
        </p>
      );
    case 'failed':
      return <ErrorNote error={of.error} retry={of.reload} />;
    case 'ready':
      return <>{children(of.value, of.reload)}</>;
  }
}
