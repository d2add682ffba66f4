import { stripVTControlCharacters } from 'node:util';
import type { Level, ParsedLine } from '../../logs/types.ts';
import { field, hostPort, reachable, table, text } from './fields.ts';
import type { Document, Engine, EngineApi, Listener, ProxyInbound } from './types.ts';

const levels: Readonly<Record<string, Level>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
  dpanic: 'FATAL',
  panic: 'FATAL',
  fatal: 'FATAL',
};

/** zap's console form: `2026-08-20T17:44:17Z<tab>INFO<tab>message<tab>{fields}`. */
const consoleLine = /^(\S{10,40})\t(DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL)\t(.*)$/;

function parse(written: string): ParsedLine {
  if (written.startsWith('{')) return parseJson(written);
  const [, time = '', level = '', message = ''] = consoleLine.exec(stripVTControlCharacters(written)) ?? [];
  return level === '' ? {} : { level: levels[level.toLowerCase()], message: message.replaceAll('\t', ' '), timeMs: Date.parse(time) };
}

/** zap's JSON form, which the environment asks for: `{"level":"info","time":1660000000000,"msg":"…", …}`. */
function parseJson(written: string): ParsedLine {
  try {
    const { level, time, msg, ...fields } = JSON.parse(written);
    if (typeof level !== 'string' || typeof msg !== 'string') return {};
    const more = Object.keys(fields).length > 0 ? { fields } : {};
    return { level: levels[level], message: msg, timeMs: typeof time === 'number' ? time : undefined, ...more };
  } catch {
    return {};
  }
}

/** A server has no `server` to go to. */
function isClient(config: Document): boolean {
  return field(config, 'server') !== undefined;
}

function at(
  config: Document,
  path: readonly string[],
  rest: Pick<Listener, 'network' | 'kind'> & { readonly users?: number },
): readonly Listener[] {
  const found = hostPort(field(config, ...path));
  const { network, kind, users = 0 } = rest;
  return found === undefined ? [] : [{ network, kind, users, address: found.host, port: found.port, tag: path.join('.') }];
}

/** A server listens on 443 where it is not said; a range of ports is redirected to the first by the kernel. */
function serverListeners(config: Document): readonly Listener[] {
  const written = text(field(config, 'listen')) || ':443';
  const found = hostPort(written.replace(/[-,].*$/, ''));
  const users = Object.keys(table(field(config, 'auth', 'userpass'))).length || (text(field(config, 'auth', 'password')) === '' ? 0 : 1);
  const own: readonly Listener[] =
    found === undefined ? [] : [{ network: 'udp', address: found.host, port: found.port, tag: 'listen', kind: 'hysteria', users }];
  return [
    ...own,
    ...at(config, ['trafficStats', 'listen'], { network: 'tcp', kind: 'api' }),
    ...at(config, ['masquerade', 'listenHTTP'], { network: 'tcp', kind: 'masquerade' }),
    ...at(config, ['masquerade', 'listenHTTPS'], { network: 'tcp', kind: 'masquerade' }),
  ];
}

function listeners(config: Document): readonly Listener[] {
  if (!isClient(config)) return serverListeners(config);
  const users = (kind: string): number => (text(field(config, kind, 'username')) === '' ? 0 : 1);
  return [
    ...at(config, ['socks5', 'listen'], { network: 'tcp', kind: 'socks5', users: users('socks5') }),
    ...at(config, ['http', 'listen'], { network: 'tcp', kind: 'http', users: users('http') }),
    ...at(config, ['tcpTProxy', 'listen'], { network: 'tcp', kind: 'tproxy' }),
    ...at(config, ['udpTProxy', 'listen'], { network: 'udp', kind: 'tproxy' }),
    ...at(config, ['tcpRedirect', 'listen'], { network: 'tcp', kind: 'redirect' }),
  ];
}

function proxyInbound(config: Document): ProxyInbound | undefined {
  if (!isClient(config)) return undefined;
  for (const [key, scheme] of [
    ['http', 'http'],
    ['socks5', 'socks5'],
  ] as const) {
    const found = hostPort(field(config, key, 'listen'));
    if (found === undefined) continue;
    const name = text(field(config, key, 'username'));
    const user = name === '' ? undefined : { name, password: text(field(config, key, 'password')) };
    return { scheme, host: reachable(found.host), port: found.port, user };
  }
  return undefined;
}

function apis(config: Document): readonly EngineApi[] {
  const written = text(field(config, 'trafficStats', 'listen'));
  if (written === '') return [];
  const found = hostPort(written);
  return [
    {
      kind: 'hysteria',
      path: 'trafficStats.listen',
      address: found?.host,
      port: found?.port ?? 0,
      tls: false,
      guard: 'required',
      secret: { path: 'trafficStats.secret', value: text(field(config, 'trafficStats', 'secret')) },
      origins: { path: '', values: [] },
    },
  ];
}

/** hysteria 2 (https://v2.hysteria.network), the client where the unit's `args` begin with `client`, else the server. It has no check of its own. */
export const hysteria: Engine = {
  name: 'hysteria',
  programs: ['hysteria'],
  versionArguments: ['version'],
  version: /Version:\s+v?(\d\S*)/,
  runArguments(configPath, args = []) {
    const [mode, rest] = args[0] === 'client' || args[0] === 'server' ? [args[0], args.slice(1)] : ['server', args];
    return [mode, ...(configPath === undefined ? [] : ['-c', configPath]), ...rest];
  },
  checkArguments: undefined,
  check: {
    sentence: /"level":"fatal"|\tFATAL\t|^(?:panic|fatal error):/,
    prefix: /^\S+\tFATAL\t/,
    position: /line (?<line>\d+)(?:: | column )?(?<column>\d+)?/,
  },
  environment: { HYSTERIA_LOG_FORMAT: 'json', HYSTERIA_DISABLE_UPDATE_CHECK: '1' },
  reload: undefined,
  startupMark: /server up and running|connected to server/,
  terminalExitCodes: [],
  graceMs: 5000,
  parse,
  format: 'yaml',
  keys: {
    files: [
      'tls.cert',
      'tls.key',
      'tls.ca',
      'tls.clientCA',
      'tls.clientCertificate',
      'tls.clientKey',
      'tls.ech',
      'ech.keyPath',
      'acme.dir',
      'acl.file',
      'acl.geoip',
      'acl.geosite',
      'masquerade.file.dir',
      '**.fdControlUnixSocket',
    ],
    notFiles: ['masquerade.string.**', 'acl.inline', '**.headers.**'],
    programs: ['auth.command', 'mimic.path', 'mimic.extraArgs'],
    secrets: ['auth', 'auth.userpass.*', 'acme.dns.config.*', 'obfs.*.password'],
    names: ['**.headers', 'auth.userpass', 'acme.dns.config'],
    dotsArePaths: true,
  },
  listeners,
  proxyInbound,
  apis,
};
