import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useApp, useTexts } from '../core/app.ts';
import { Button } from './button.tsx';
import { Dialog } from './confirm.tsx';
import { Clock } from './time.tsx';

interface Revision {
  readonly revision: number;
  readonly etag: string;
  readonly author: string;
  readonly reason: string;
  readonly time?: Timestamp | undefined;
}

export interface RevisionsProps<R extends Revision> {
  /** Newest first. */
  readonly revisions: readonly R[];
  /** The one in effect: it is not gone back to. */
  readonly current: number;
  /** One word of how it went. */
  readonly result?: (revision: R) => string;
  /** What it changed. */
  readonly changes: (revision: R) => ComponentChildren;
  readonly askRollback: (revision: number) => string;
  readonly askRollbackLead: string;
  readonly onRollback: (revision: number) => Promise<void>;
}

/** The history of a config: who, when and why, what was changed, and the way back. */
export function RevisionList<R extends Revision>(props: RevisionsProps<R>) {
  const { revisions, current, result, changes, askRollback, askRollbackLead, onRollback } = props;
  const texts = useTexts();
  const { session } = useApp();
  const [asked, ask] = useState<number | undefined>(undefined);
  return (
    <>
      <ul class="revisions">
        {revisions.map((one) => (
          <li key={`${one.revision} ${one.etag}`}>
            <details>
              <summary>
                <strong>{one.revision}</strong>
                <span class="when">
                  <Clock time={one.time} />
                </span>
                {result !== undefined && <span>{result(one)}</span>}
                <span class="dim">
                  {one.author}
                  {one.reason !== '' && `: ${one.reason}`}
                </span>
              </summary>
              {changes(one)}
              {session.may('config:write') && one.revision !== current && (
                <Button onPress={() => ask(one.revision)}>{texts.common.rollback}</Button>
              )}
            </details>
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <Dialog
          title={askRollback(asked)}
          action={texts.common.rollback}
          onClose={() => ask(undefined)}
          onConfirm={() => onRollback(asked)}
        >
          <p>{askRollbackLead}</p>
        </Dialog>
      )}
    </>
  );
}
