import { parseConfigJson } from '../../processes/engines/config-json.ts';
import type { ClientType } from './clients.ts';

export type Detected =
  /** undefined = it is a document, but nobody's. */
  { readonly kind: 'document'; readonly client: ClientType | undefined } | { readonly kind: 'unreadable'; readonly message: string };

const clashKeys = ['proxies', 'proxy-groups', 'proxy-providers', 'rule-providers', 'mixed-port', 'socks-port', 'redir-port', 'tproxy-port'];
const hysteriaKeys = [
  'listen',
  'server',
  'auth',
  'acme',
  'masquerade',
  'obfs',
  'bandwidth',
  'trafficStats',
  'quic',
  'ignoreClientBandwidth',
];
const singBoxKeys = ['outbounds', 'inbounds', 'endpoints', 'experimental', 'route'];
const xrayKeys = ['routing', 'transport', 'stats', 'policy', 'reverse', 'fakedns', 'burstObservatory'];

/**
 * Whose configuration a text is, by its form. YAML is only skimmed for its top-level keys: composing a hostile document costs a
 * parser minutes, and the engine's own check is the judge anyway.
 */
export function detect(text: string): Detected {
  const bare = text.replace(/^\uFEFF/, '').trim();
  if (bare === '') return { kind: 'unreadable', message: 'the configuration is empty' };
  if (!bare.startsWith('{')) return { kind: 'document', client: byKeys(yamlKeys(bare)) };
  try {
    return { kind: 'document', client: byJson(parseConfigJson(bare)) };
  } catch (error) {
    // Also what overflows the stack.
    return { kind: 'unreadable', message: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function yamlKeys(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^["']?([A-Za-z][\w-]{0,40})["']?[ \t]*:/gm)].map((found) => found[1] ?? ''));
}

function byKeys(keys: ReadonlySet<string>): ClientType | undefined {
  if (clashKeys.some((key) => keys.has(key))) return 'mihomo';
  // `listen` or `server` alone could be anybody's.
  if (hysteriaKeys.filter((key) => keys.has(key)).length >= 2) return 'hysteria';
  return undefined;
}

type Table = Readonly<Record<string, unknown>>;

function table(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function items(value: unknown): readonly Table[] {
  return Array.isArray(value) ? value.map(table) : [];
}

/** Both have inbounds and outbounds: those of sing-box have a `type`, those of xray a `protocol`. */
function byJson(value: unknown): ClientType | undefined {
  const document = table(value);
  const keys = new Set(Object.keys(document));
  const bounds = [...items(document['inbounds']), ...items(document['outbounds'])];
  if (bounds.some((bound) => typeof bound['protocol'] === 'string' && bound['type'] === undefined)) return 'xray';
  if (bounds.some((bound) => typeof bound['type'] === 'string')) return 'sing-box';
  const other = byKeys(keys);
  if (other !== undefined) return other;
  if (xrayKeys.some((key) => keys.has(key))) return 'xray';
  return singBoxKeys.some((key) => keys.has(key)) ? 'sing-box' : undefined;
}
