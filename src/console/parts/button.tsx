import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useApp } from '../core/app.ts';
import { sentenceOf } from '../core/errors.ts';

export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly kind?: 'main' | 'plain' | 'danger' | 'quiet';
  readonly disabled?: boolean | undefined;
  readonly title?: string | undefined;
  readonly label?: string | undefined;
  readonly type?: 'button' | 'submit';
  /** While it runs, the button waits; what it throws is said at the edge of the page. */
  readonly onPress?: () => Promise<void> | void;
}

export function Button({ children, kind = 'plain', disabled, title, label, type = 'button', onPress }: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const { notices } = useApp();
  const press = async (): Promise<void> => {
    if (busy || onPress === undefined) return;
    setBusy(true);
    try {
      await onPress();
    } catch (error) {
      notices.say('bad', sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type={type}
      class={`button ${kind}${busy ? ' busy' : ''}`}
      disabled={disabled === true || busy}
      aria-busy={busy}
      title={title}
      aria-label={label}
      onClick={(event) => {
        event.stopPropagation();
        void press();
      }}
    >
      {children}
    </button>
  );
}
