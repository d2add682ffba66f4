import { Code, ConnectError } from '@connectrpc/connect';
import { useEffect, useState } from 'preact/hooks';
import { type Apply, Apply_Result, type ProcessConfig } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import { type App, useApp, useTexts } from '../core/app.ts';
import { applyOf } from '../core/errors.ts';
import { pause } from '../core/time.ts';
import { useLoad, useWhile } from '../core/use-load.ts';
import { ApplyView } from '../parts/apply.tsx';
import { nameOf } from '../parts/badge.tsx';
import { ConfigEditor, type Draft } from '../parts/config-editor.tsx';
import { Diff } from '../parts/diff.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, ErrorNote, Note, Ready } from '../parts/note.tsx';
import { RevisionList } from '../parts/revisions.tsx';
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
  const { clients } = useApp();
  const { id, format, etag } = config;
  const [outcome, setOutcome] = useState<Outcome>(undefined);
  const send = async ({ text: content, reason }: Draft, validateOnly: boolean): Promise<void> => {
    const request = { id, content, format, etag, reason, validateOnly, async: !validateOnly };
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
      <ConfigEditor text={config.content} label={texts.apply.editor} hint={texts.apply.checkFirst} onSend={send} />
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
  const { clients } = useApp();
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
          <RevisionList
            revisions={page.revisions}
            current={current}
            result={({ result }) => texts.apply.results[nameOf(Apply_Result, result)]}
            changes={({ diff }) => <Diff text={diff} label={texts.common.changes} />}
            askRollback={texts.apply.askRollback}
            askRollbackLead={texts.apply.askRollbackLead}
            onRollback={rollback}
          />
        )}
      </Ready>
    </Section>
  );
}
