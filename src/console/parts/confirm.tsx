import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useTexts } from '../core/app.ts';
import { Button } from './button.tsx';

export interface DialogProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  /** Absent: there is nothing to do but to close it. */
  readonly action?: string;
  readonly danger?: boolean;
  readonly onConfirm?: () => Promise<void> | void;
  readonly onClose: () => void;
}

/** A modal dialog of the browser's own: it keeps the focus and closes with Escape. */
export function Dialog({ title, children, action, danger, onConfirm, onClose }: DialogProps) {
  const texts = useTexts();
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  const confirm = async (): Promise<void> => {
    try {
      await onConfirm?.();
    } finally {
      onClose();
    }
  };
  return (
    <dialog ref={box} class="dialog" aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">{title}</h2>
      <div class="body">{children}</div>
      <div class="buttons">
        <Button kind="plain" onPress={onClose}>
          {action === undefined ? texts.common.close : texts.common.cancel}
        </Button>
        {action !== undefined && (
          <Button kind={danger === true ? 'danger' : 'main'} onPress={confirm}>
            {action}
          </Button>
        )}
      </div>
    </dialog>
  );
}
