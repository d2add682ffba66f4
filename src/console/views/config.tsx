import { useState } from 'preact/hooks';
import {
  type AgentConfig,
  type ConfigChange_Change as Change,
  type ConfigChange,
  ConfigChange_Effect,
} from '../../../gen/es/sboxagent/v1/config_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { useLoad } from '../core/use-load.ts';
import { nameOf } from '../parts/badge.tsx';
import { ConfigEditor, type Draft } from '../parts/config-editor.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, ErrorNote, Note, Ready } from '../parts/note.tsx';
import { RevisionList } from '../parts/revisions.tsx';
import { Clock } from '../parts/time.tsx';

/** The agent's own configuration: what would change is seen before it does. */
export function ConfigView() {
  const texts = useTexts();
  const { clients } = useApp();
  const config = useLoad((signal) => clients.config.getConfig({}, { signal }), []);
  return (
    <>
      <header class="top">
        <h1>{texts.config.title}</h1>
      </header>
      <Ready of={config}>
        {(value, reload) => (
          <>
            {value.yaml === '' ? <Empty>{texts.config.none}</Empty> : <Editor key={value.etag} config={value} reload={reload} />}
            <Revisions config={value} reload={reload} />
          </>
        )}
      </Ready>
    </>
  );
}

type Outcome = { readonly change: ConfigChange; readonly applied: boolean } | { readonly error: unknown } | undefined;

function Editor({ config, reload }: { readonly config: AgentConfig; readonly reload: () => void }) {
  const texts = useTexts();
  const { clients, notices } = useApp();
  const [outcome, setOutcome] = useState<Outcome>(undefined);
  const send = async ({ text: yaml, reason }: Draft, validateOnly: boolean): Promise<void> => {
    try {
      const change = await clients.config.updateConfig({ yaml, etag: config.etag, reason, validateOnly });
      setOutcome({ change, applied: !validateOnly });
      if (validateOnly) return;
      notices.say('ok', change.restartRequired ? `${texts.config.applied} ${texts.config.restart}` : texts.config.applied);
      reload();
    } catch (error) {
      setOutcome({ error });
    }
  };
  return (
    <>
      <p class="dim">
        {texts.common.revision(config.revision)} · <Clock time={config.time} />
      </p>
      <ConfigEditor
        text={config.yaml}
        label={texts.config.editor}
        mayApply={outcome !== undefined && 'change' in outcome && !outcome.applied}
        onEdit={() => setOutcome(undefined)}
        onSend={send}
      />
      {outcome !== undefined && ('error' in outcome ? <ErrorNote error={outcome.error} /> : <Changes change={outcome.change} />)}
    </>
  );
}

function Changes({ change }: { readonly change: ConfigChange }) {
  const texts = useTexts();
  if (change.changes.length === 0) return <Note tone="calm">{texts.config.same}</Note>;
  return (
    <>
      {change.restartRequired && <Note tone="warn">{texts.config.restart}</Note>}
      <ChangeTable changes={change.changes} />
    </>
  );
}

function ChangeTable({ changes }: { readonly changes: readonly Change[] }) {
  const { config: t } = useTexts();
  return (
    <table class="table changes">
      <thead>
        <tr>
          <th>{t.key}</th>
          <th>{t.old}</th>
          <th>{t.next}</th>
          <th>{t.effect}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(({ path, oldValue, newValue, effect }) => (
          <tr key={path}>
            <th scope="row">
              <code>{path}</code>
            </th>
            <td>
              <Value value={oldValue} tone="removed" />
            </td>
            <td>
              <Value value={newValue} tone="added" />
            </td>
            <td>{t.effects[nameOf(ConfigChange_Effect, effect)]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Value({ value, tone }: { readonly value: Change['oldValue']; readonly tone: string }) {
  if (value === undefined) return null;
  const { kind } = value;
  const text = kind.case === 'stringValue' ? kind.value : kind.case === 'nullValue' ? '–' : JSON.stringify(plainOf(value));
  return <code class={tone}>{text}</code>;
}

type Value = NonNullable<Change['oldValue']>;

function plainOf({ kind }: Value): unknown {
  switch (kind.case) {
    case 'listValue':
      return kind.value.values.map(plainOf);
    case 'structValue':
      return Object.fromEntries(Object.entries(kind.value.fields).map(([key, one]) => [key, plainOf(one)]));
    case 'nullValue':
      return null;
    default:
      return kind.value;
  }
}

function Revisions({ config, reload }: { readonly config: AgentConfig; readonly reload: () => void }) {
  const texts = useTexts();
  const { clients } = useApp();
  const revisions = useLoad((signal) => clients.config.listConfigRevisions({ pageSize: 50 }, { signal }), [config.etag]);
  const rollback = async (revision: number): Promise<void> => {
    await clients.config.rollbackConfig({ revision });
    reload();
  };
  return (
    <Section title={texts.common.history}>
      <Ready of={revisions}>
        {(page) => (
          <RevisionList
            revisions={page.revisions}
            current={config.revision}
            changes={({ changes }) => changes.length > 0 && <ChangeTable changes={changes} />}
            askRollback={texts.config.askRollback}
            askRollbackLead={texts.config.askRollbackLead}
            onRollback={rollback}
          />
        )}
      </Ready>
    </Section>
  );
}
