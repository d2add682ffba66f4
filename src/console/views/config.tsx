import { useSignal } from '@preact/signals';
import { useRef, useState } from 'preact/hooks';
import {
  type AgentConfig,
  type ConfigChange_Change as Change,
  type ConfigChange,
  ConfigChange_Effect,
} from '../../../gen/es/sboxagent/v1/config_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { useLoad } from '../core/use-load.ts';
import { nameOf } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/confirm.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, ErrorNote, Note, Ready } from '../parts/note.tsx';
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
  const { clients, session, notices } = useApp();
  const field = useRef<HTMLTextAreaElement>(null);
  const reason = useRef<HTMLInputElement>(null);
  const changed = useSignal(false);
  const [outcome, setOutcome] = useState<Outcome>(undefined);
  const mayWrite = session.may('config:write');
  const send = async (validateOnly: boolean): Promise<void> => {
    try {
      const yaml = field.current?.value ?? '';
      const change = await clients.config.updateConfig({ yaml, etag: config.etag, reason: reason.current?.value ?? '', validateOnly });
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
      <textarea
        ref={field}
        class="field code"
        spellcheck={false}
        aria-label={texts.config.editor}
        readOnly={!mayWrite}
        rows={config.yaml.split('\n').length + 1}
        onInput={(event) => {
          changed.value = event.currentTarget.value !== config.yaml;
          setOutcome(undefined);
        }}
      >
        {config.yaml}
      </textarea>
      {mayWrite && (
        <div class="bar">
          <input ref={reason} class="field" aria-label={texts.common.reason} placeholder={texts.common.reason} maxLength={1024} />
          <Button onPress={() => send(true)}>{texts.common.check}</Button>
          <Button
            kind="main"
            disabled={outcome === undefined || 'error' in outcome || outcome.applied || !changed.value}
            onPress={() => send(false)}
          >
            {texts.common.apply}
          </Button>
          {changed.value && <span class="dim">{texts.common.unsaved}</span>}
        </div>
      )}
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
  const { clients, session } = useApp();
  const [asked, ask] = useState<number | undefined>(undefined);
  const revisions = useLoad((signal) => clients.config.listConfigRevisions({ pageSize: 50 }, { signal }), [config.etag]);
  return (
    <Section title={texts.common.history}>
      <Ready of={revisions}>
        {(page) => (
          <ul class="revisions">
            {page.revisions.map((revision) => (
              <li key={revision.revision}>
                <details>
                  <summary>
                    <strong>{revision.revision}</strong>
                    <span class="when">
                      <Clock time={revision.time} />
                    </span>
                    <span class="dim">
                      {revision.author}
                      {revision.reason !== '' && `: ${revision.reason}`}
                    </span>
                  </summary>
                  {revision.changes.length > 0 && <ChangeTable changes={revision.changes} />}
                  {session.may('config:write') && revision.revision !== config.revision && (
                    <Button onPress={() => ask(revision.revision)}>{texts.common.rollback}</Button>
                  )}
                </details>
              </li>
            ))}
          </ul>
        )}
      </Ready>
      {asked !== undefined && (
        <Dialog
          title={texts.config.askRollback(asked)}
          action={texts.common.rollback}
          onClose={() => ask(undefined)}
          onConfirm={async () => {
            await clients.config.rollbackConfig({ revision: asked });
            reload();
          }}
        >
          <p>{texts.config.askRollbackLead}</p>
        </Dialog>
      )}
    </Section>
  );
}
