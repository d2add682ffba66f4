import { Code, ConnectError } from '@connectrpc/connect';
import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  type Apply,
  Apply_Result,
  type ProcessConfig,
  type ProcessConfigRevision,
} from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import { type App, useApp, useTexts } from '../core/app.ts';
import { applyOf } from '../core/errors.ts';
import { pause } from '../core/time.ts';
import { useLoad, useWhile } from '../core/use-load.ts';
import { ApplyView } from '../parts/apply.tsx';
import { nameOf } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/confirm.tsx';
import { Diff } from '../parts/diff.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, ErrorNote, Note, Ready } from '../parts/note.tsx';
import { Clock } from '../parts/time.tsx';

/** A process's own config: check, see the difference, apply, watch the steps, roll back. */
export function ProcessConfigView({ id }: { readonly id: string }) {
  const texts = useTexts();
  const { clients } = useApp();
  const config = useLoad((signal) => readConfig(clients, id, signal), [id]);
  return (
    <Ready of={config}>
      {(value, reload) =>
        value === undefined ? <Empty>{texts.apply.none}</Empty> : <Editor key={value.etag} config={value} reload={reload} />
      }
    </Ready>
  );
}

async function readConfig(clients: App['clients'], id: string, signal: AbortSignal): Promise<ProcessConfig | undefined> {
  try {
    return await clients.processes.getProcessConfig({ id }, { signal });
  } catch (error) {
    // A command has none.
    if (ConnectError.from(error).code === Code.FailedPrecondition || ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

type Outcome = { readonly apply: Apply } | { readonly error: unknown } | undefined;

function Editor({ config, reload }: { readonly config: ProcessConfig; readonly reload: () => void }) {
  const texts = useTexts();
  const { clients, session } = useApp();
  const { id, format, etag } = config;
  const field = useRef<HTMLTextAreaElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  const changed = useSignal(false);
  const [outcome, setOutcome] = useState<Outcome>(undefined);
  const mayWrite = session.may('config:write');
  const ask = async (validateOnly: boolean): Promise<void> => {
    const content = field.current?.value ?? '';
    const request = { id, content, format, etag, reason: reason.current?.value ?? '', validateOnly, async: !validateOnly };
    await clients.processes.applyProcessConfig(request).then(
      (apply) => setOutcome({ apply }),
      (error: unknown) => {
        const apply = applyOf(error);
        setOutcome(apply === undefined ? { error } : { apply });
      },
    );
  };
  return (
    <>
      {config.drifted && (
        <Note tone="warn">
          <p>{texts.apply.drifted}</p>
          <Diff text={config.driftDiff} label={texts.common.changes} />
        </Note>
      )}
      <p class="dim">
        {texts.common.revision(config.revision)} · <Clock time={config.time} />
        {config.author !== '' && ` · ${texts.apply.by(config.author)}`}
        {config.reason !== '' && ` · ${config.reason}`}
      </p>
      <textarea
        ref={field}
        class="field code"
        spellcheck={false}
        rows={config.content.split('\n').length + 1}
        aria-label={texts.apply.editor}
        readOnly={!mayWrite}
        onInput={(event) => (changed.value = event.currentTarget.value !== config.content)}
      >
        {config.content}
      </textarea>
      {mayWrite && (
        <div class="bar">
          <input ref={reason} class="field" aria-label={texts.common.reason} placeholder={texts.common.reason} maxLength={1024} />
          <Button onPress={() => ask(true)}>{texts.common.check}</Button>
          <Button kind="main" disabled={!changed.value} onPress={() => ask(false)}>
            {texts.common.apply}
          </Button>
          <span class="dim">{changed.value ? texts.common.unsaved : texts.apply.checkFirst}</span>
        </div>
      )}
      {outcome !== undefined && 'error' in outcome && <ErrorNote error={outcome.error} />}
      {outcome !== undefined && 'apply' in outcome && <Followed first={outcome.apply} onApplied={reload} />}
      <Revisions id={id} current={config.revision} onResult={setOutcome} onApplied={reload} />
    </>
  );
}

const lookMs = [400, 1000] as const;
/** At first often, then as the limit of requests allows. */
const oftenUntilMs = 15_000;

/** An apply as it goes on, until it is over. */
function Followed({ first, onApplied }: { readonly first: Apply; readonly onApplied: () => void }) {
  const { clients } = useApp();
  const [apply, setApply] = useState(first);
  useEffect(() => setApply(first), [first]);
  useWhile(
    (stop) => {
      const look = async (): Promise<void> => {
        let now = first;
        let waitedMs = 0;
        while (now.result === Apply_Result.PENDING && !stop.aborted) {
          const ms = waitedMs < oftenUntilMs ? lookMs[0] : lookMs[1];
          waitedMs += ms;
          await pause(ms, stop);
          // An agent that does not answer goes on with it when it is back.
          now = await clients.processes.getApply({ id: first.id }, { signal: stop }).catch(() => now);
          if (!stop.aborted) setApply(now);
        }
      };
      if (first.result === Apply_Result.PENDING) void look();
    },
    [first],
  );
  return <ApplyView apply={apply} onReload={apply.result === Apply_Result.APPLIED ? onApplied : undefined} />;
}

interface RevisionsProps {
  readonly id: string;
  readonly current: number;
  readonly onResult: (outcome: Outcome) => void;
  readonly onApplied: () => void;
}

function Revisions({ id, current, onResult, onApplied }: RevisionsProps) {
  const texts = useTexts();
  const { clients, session } = useApp();
  const [asked, ask] = useState<number | undefined>(undefined);
  const revisions = useLoad((signal) => clients.processes.listProcessConfigRevisions({ id, pageSize: 50 }, { signal }), [id, current]);
  const rollback = async (revision: number): Promise<void> => {
    try {
      onResult({ apply: await clients.processes.rollbackProcessConfig({ id, revision }) });
      onApplied();
    } catch (error) {
      const apply = applyOf(error);
      onResult(apply === undefined ? { error } : { apply });
    }
  };
  return (
    <Section title={texts.common.history}>
      <Ready of={revisions}>
        {(page) => (
          <ul class="revisions">
            {page.revisions.map((revision) => (
              <Revision
                key={`${revision.revision} ${revision.etag}`}
                revision={revision}
                {...(session.may('config:write') && revision.revision !== current && { onRollback: () => ask(revision.revision) })}
              />
            ))}
          </ul>
        )}
      </Ready>
      {asked !== undefined && (
        <Dialog
          title={texts.apply.askRollback(asked)}
          action={texts.common.rollback}
          onClose={() => ask(undefined)}
          onConfirm={() => rollback(asked)}
        >
          <p>{texts.apply.askRollbackLead}</p>
        </Dialog>
      )}
    </Section>
  );
}

function Revision({ revision, onRollback }: { readonly revision: ProcessConfigRevision; readonly onRollback?: () => void }) {
  const texts = useTexts();
  const result = texts.apply.results[nameOf(Apply_Result, revision.result)];
  return (
    <li>
      <details>
        <summary>
          <strong>{revision.revision}</strong>
          <span class="when">
            <Clock time={revision.time} />
          </span>
          <span>{result}</span>
          <span class="dim">
            {revision.author}
            {revision.reason !== '' && `: ${revision.reason}`}
          </span>
        </summary>
        <Diff text={revision.diff} label={texts.common.changes} />
        {onRollback !== undefined && <Button onPress={onRollback}>{texts.common.rollback}</Button>}
      </details>
    </li>
  );
}
