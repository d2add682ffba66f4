import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { useApp, useTexts } from '../core/app.ts';
import { Button } from './button.tsx';

export interface Draft {
  readonly text: string;
  readonly reason: string;
}

export interface ConfigEditorProps {
  /** What is in effect. */
  readonly text: string;
  /** For those who cannot see the field. */
  readonly label: string;
  /** Whether what was written may be applied; it is offered only where something was. */
  readonly mayApply?: boolean;
  /** Said while nothing was written. */
  readonly hint?: string;
  readonly onEdit?: () => void;
  readonly onSend: (draft: Draft, validateOnly: boolean) => Promise<void>;
}

/** A config as text: read by all, checked and applied by who may write it. */
export function ConfigEditor({ text, label, mayApply = true, hint = '', onEdit, onSend }: ConfigEditorProps) {
  const texts = useTexts();
  const { session } = useApp();
  const field = useRef<HTMLTextAreaElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  const changed = useSignal(false);
  const mayWrite = session.may('config:write');
  const send = (validateOnly: boolean) => () =>
    onSend({ text: field.current?.value ?? '', reason: reason.current?.value ?? '' }, validateOnly);
  return (
    <>
      <textarea
        ref={field}
        class="field code"
        spellcheck={false}
        aria-label={label}
        readOnly={!mayWrite}
        rows={text.split('\n').length + 1}
        onInput={(event) => {
          changed.value = event.currentTarget.value !== text;
          onEdit?.();
        }}
      >
        {text}
      </textarea>
      {mayWrite && (
        <div class="bar">
          <input ref={reason} class="field" aria-label={texts.common.reason} placeholder={texts.common.reason} maxLength={1024} />
          <Button onPress={send(true)}>{texts.common.check}</Button>
          <Button kind="main" disabled={!mayApply || !changed.value} onPress={send(false)}>
            {texts.common.apply}
          </Button>
          <span class="dim">{changed.value ? texts.common.unsaved : hint}</span>
        </div>
      )}
    </>
  );
}
