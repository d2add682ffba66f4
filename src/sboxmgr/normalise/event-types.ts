/** Types that keep their name: sboxmgr's own (`EventType`), those of the sbox-common schemas, and what the Python package tells. */
const known = [
  'plugin.called',
  'subscription.processed',
  'config.updated',
  'config.validated',
  'config.generated',
  'config.backup.created',
  'subscription.fetched',
  'subscription.parsed',
  'subscription.filtered',
  'service.started',
  'service.stopped',
  'service.restarted',
  'service.failed',
  'error.occurred',
  'warning.issued',
  'plugin.loaded',
  'plugin.unloaded',
  'plugin.error',
  'debug.info',
  'trace.point',
  'config.created',
  'config.deleted',
  'config.enabled',
  'config.disabled',
  'config.activated',
  'config.deactivated',
  'config.validation_started',
  'config.validation_completed',
  'config.reload_requested',
  'config.reload_completed',
  'subscription.created',
  'subscription.updated',
  'subscription.deleted',
  'subscription.enabled',
  'subscription.disabled',
  'subscription.update_started',
  'subscription.update_completed',
  'health.status_changed',
  'health.check_started',
  'health.check_completed',
  'health.metrics_updated',
  'health.alert_triggered',
  'health.alert_resolved',
  'health.service_started',
  'health.service_stopped',
] as const;

/**
 * Other spellings: what the bridge sends, and the words of lines on stdout. What sboxmgr says of an agent stands below `sboxmgr.` too:
 * `agent.*` is what the agent says of itself.
 */
const spellings: Readonly<Record<string, string>> = {
  validation_started: 'sboxmgr.agent.validation.started',
  validation_completed: 'sboxmgr.agent.validation.completed',
  installation_started: 'sboxmgr.agent.installation.started',
  installation_completed: 'sboxmgr.agent.installation.completed',
  check_completed: 'sboxmgr.agent.check.completed',
  log: 'sboxmgr.log',
  config: 'config.updated',
  error: 'error.occurred',
  warning: 'warning.issued',
  status: 'sboxmgr.status',
  health: 'sboxmgr.health',
  debug: 'debug.info',
};

/** `config_generated`, `CONFIG_GENERATED` and `config.generated` by `config_generated`. */
const bySpelling = new Map<string, string>([...known.map((type) => [squash(type), type] as const), ...Object.entries(spellings)]);

const prefix = 'sboxmgr.';
/** The journal takes 128. */
const maxType = 120;

function squash(type: string): string {
  return type.replaceAll('.', '_');
}

/**
 * The dotted type of a name in any of the vocabularies; one that none of them has stands below `sboxmgr.`, so that nobody takes it for
 * an event of the agent. Undefined for what is no name.
 */
export function typeOf(name: string): string | undefined {
  const plain = name
    .slice(0, 4 * maxType)
    .replace(/^EventType\./, '')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[\s/:]+/g, '.')
    .replaceAll(/[^a-z0-9._-]+/g, '_');
  // Every segment begins with a letter or a digit.
  const segments = plain.split('.').map((segment) => segment.replace(/^[_-]+/, ''));
  const dotted = segments.filter((segment) => segment !== '').join('.');
  if (dotted === '') return undefined;
  return bySpelling.get(squash(dotted)) ?? (dotted.startsWith(prefix) ? dotted : prefix + dotted).slice(0, maxType).replace(/\.$/, '');
}
