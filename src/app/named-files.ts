import type { CertificateWatch } from '../api/index.ts';
import type { ConfigManager } from '../config/index.ts';
import type { Journal } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { AgentError } from '../kernel/errors.ts';
import { followFiles } from '../kernel/follow-files.ts';
import { createNote, type NotedHealth } from '../kernel/note.ts';
import type { LoadedSettings } from '../settings/index.ts';
import type { Logger } from '../telemetry/index.ts';

/** Who replaces a token writes once, and its old one must not live on for long. */
const stillMs = 500;

/** The files whose secrets are part of the configuration: that of the static token, those of webhooks' keys. */
export function secretFilesOf({ document }: Pick<LoadedSettings, 'document'>): readonly string[] {
  const { api, alerts } = document as {
    readonly api?: { readonly security?: { readonly auth_token_file?: unknown } };
    readonly alerts?: { readonly webhooks?: readonly { readonly secret_file?: unknown }[] };
  };
  const files = [api?.security?.auth_token_file, ...(alerts?.webhooks ?? []).map(({ secret_file: file }) => file)];
  return files.filter((file) => typeof file === 'string');
}

/** Reads the configuration again when a file of a secret changes. Answers how to stop. */
export function followSecretFiles(options: {
  readonly loaded: () => LoadedSettings;
  readonly clock: Clock;
  readonly reload: ConfigManager['reload'];
}): () => void {
  const { loaded, clock, reload } = options;
  return followFiles({
    files: () => secretFilesOf(loaded()),
    clock,
    stillMs,
    changed() {
      if (!loaded().settings.agent.autoReload) return;
      // What is refused has its event and its line from the room.
      reload({ name: 'file', reason: 'a file of a secret changed', traceId: '' }).catch(() => {});
    },
  });
}

export interface CertificateNews {
  readonly watch: CertificateWatch;
  readonly health: () => NotedHealth;
}

const subject = 'agent';
const keys = ['api.tls.cert_file', 'api.tls.key_file', 'api.tls.client_ca_file'];

/** Emits what became of renewed files of `api.tls` as the events of a change of the configuration, once each. */
export function createCertificateNews(options: {
  readonly journal: Pick<Journal, 'emit'>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly auto: () => boolean;
}): CertificateNews {
  const { journal, logger, clock, auto } = options;
  const { note, health } = createNote(clock);
  const watch: CertificateWatch = {
    auto,
    renewed({ changed }) {
      note('');
      if (!changed) return;
      logger.info({}, 'new TLS connections get the renewed certificate');
      journal.emit({
        type: 'config.applied',
        subject,
        data: { applied: keys, restart_required: [], author: 'file', reason: 'files were renewed' },
      });
    },
    refused(problem) {
      note(`The renewed files of api.tls were refused, the old certificate is served: ${problem}`);
      logger.warn({ problem }, 'renewed files of api.tls refused; the old certificate is served on');
      journal.emit({
        type: 'config.rejected',
        subject,
        severity: 'WARNING',
        data: { problem, reason: 'CONFIG_INVALID', author: 'file', violations: [problem] },
      });
    },
  };
  return { watch, health };
}

/** A reload that somebody asks for reads the certificate too. */
export function reloadWithCertificate(config: Pick<ConfigManager, 'reload'>, renew: () => string | undefined): ConfigManager['reload'] {
  return async (author) => {
    const change = await config.reload(author);
    const problem = renew();
    if (problem !== undefined) throw new AgentError('CONFIG_INVALID', `${problem}; the old certificate is served`);
    return change;
  };
}
