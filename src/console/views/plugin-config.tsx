import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { useMemo, useState } from 'preact/hooks';
import { type PluginConfig, PluginConfig_ApplyState } from '../../../gen/es/sboxagent/v1/plugin_config_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { bytes } from '../core/format.ts';
import { fieldOf, isObject } from '../core/schema.ts';
import { useLoad } from '../core/use-load.ts';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/confirm.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, ErrorNote, Note, Ready } from '../parts/note.tsx';
import { JsonInput, SchemaField } from '../parts/schema-form.tsx';
import { Clock } from '../parts/time.tsx';

/** The document of a plugin: a form by its JSON Schema, or the JSON itself. */
export function PluginConfigEditor({ id }: { readonly id: string }) {
  const texts = useTexts();
  const { clients } = useApp();
  const config = useLoad((signal) => clients.plugins.getPluginConfig({ id }, { signal }), [id]);
  return (
    <Section title={texts.plugins.config}>
      <Ready of={config}>
        {(value, reload) => (
          <>
            <Editor key={value.etag} config={value} reload={reload} />
            <Backups id={id} etag={value.etag} reload={reload} />
          </>
        )}
      </Ready>
    </Section>
  );
}

type Outcome = { readonly said: string } | { readonly error: unknown } | undefined;

function Editor({ config, reload }: { readonly config: PluginConfig; readonly reload: () => void }) {
  const texts = useTexts();
  const { clients, session, notices } = useApp();
  const field = useMemo(() => fieldOf(config.schema), [config]);
  const hasForm = field.kind === 'object';
  const [asJson, showJson] = useState(!hasForm);
  const [value, setValue] = useState<JsonObject>(config.config ?? {});
  const [outcome, setOutcome] = useState<Outcome>(undefined);
  const readOnly = !session.may('config:write');
  const changed = JSON.stringify(value) !== JSON.stringify(config.config ?? {});
  const change = (next: JsonValue | undefined): void => {
    setOutcome(undefined);
    if (isObject(next)) setValue(next);
  };
  const send = async (validateOnly: boolean): Promise<void> => {
    try {
      await clients.plugins.updatePluginConfig({ id: config.pluginId, config: value, etag: config.etag, validateOnly });
      if (validateOnly) setOutcome({ said: texts.plugins.fit });
      else {
        notices.say('ok', texts.plugins.saved);
        reload();
      }
    } catch (error) {
      setOutcome({ error });
    }
  };
  return (
    <>
      <p class="dim">
        {texts.common.revision(config.revision)} · <ApplyState config={config} />
      </p>
      {hasForm && (
        <div class="bar">
          <Button kind="quiet" onPress={() => showJson(!asJson)}>
            {asJson ? texts.plugins.asForm : texts.plugins.asJson}
          </Button>
        </div>
      )}
      {asJson ? (
        <JsonInput label={texts.plugins.config} value={value} readOnly={readOnly} onChange={change} />
      ) : (
        <SchemaField field={{ ...field, title: '' }} value={value} readOnly={readOnly} onChange={change} />
      )}
      {!readOnly && (
        <div class="bar">
          <Button onPress={() => send(true)}>{texts.common.check}</Button>
          <Button kind="main" disabled={!changed} onPress={() => send(false)}>
            {texts.common.apply}
          </Button>
          {changed && (
            <Button kind="quiet" onPress={reload}>
              {texts.common.reset}
            </Button>
          )}
        </div>
      )}
      {outcome !== undefined && ('said' in outcome ? <Note tone="ok">{outcome.said}</Note> : <ErrorNote error={outcome.error} />)}
    </>
  );
}

function ApplyState({ config }: { readonly config: PluginConfig }) {
  const { plugins: t } = useTexts();
  switch (config.applyState) {
    case PluginConfig_ApplyState.APPLIED:
      return <>{t.applied(config.appliedRevision)}</>;
    case PluginConfig_ApplyState.FAILED:
      return (
        <>
          {t.failed}: {config.applyMessage}
        </>
      );
    default:
      return <>{t.pending}</>;
  }
}

function Backups({ id, etag, reload }: { readonly id: string; readonly etag: string; readonly reload: () => void }) {
  const texts = useTexts();
  const { clients, session } = useApp();
  const [asked, ask] = useState<string | undefined>(undefined);
  const backups = useLoad((signal) => clients.plugins.listPluginConfigBackups({ id, pageSize: 20 }, { signal }), [id, etag]);
  return (
    <>
      <h3>{texts.plugins.backups}</h3>
      <Ready of={backups}>
        {(page) =>
          page.backups.length === 0 ? (
            <Empty>{texts.common.none}</Empty>
          ) : (
            <ul class="backups">
              {page.backups.map((backup) => (
                <li key={backup.id}>
                  <span>{texts.common.revision(backup.revision)}</span>
                  <span class="when">
                    <Clock time={backup.time} />
                  </span>
                  <span class="dim">{bytes(backup.bytes)}</span>
                  {session.may('config:write') && (
                    <Button kind="quiet" onPress={() => ask(backup.id)}>
                      {texts.plugins.restore}
                    </Button>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
      {asked !== undefined && (
        <Dialog
          title={texts.plugins.askRestore}
          action={texts.plugins.restore}
          onClose={() => ask(undefined)}
          onConfirm={async () => {
            await clients.plugins.restorePluginConfigBackup({ id, backup: asked });
            reload();
          }}
        />
      )}
    </>
  );
}
