import type { Level, ParsedLine } from '../../logs/types.ts';
import { field, hostPort, port, reachable, tables, text, texts } from './fields.ts';
import type { Document, Engine, EngineApi, Listener, ProxyInbound } from './types.ts';

const levels: Readonly<Record<string, Level>> = {
  trace: 'TRACE',
  debug: 'DEBUG',
  info: 'INFO',
  warning: 'WARN',
  error: 'ERROR',
  fatal: 'FATAL',
  panic: 'FATAL',
};

/** logrus: `time="2026-08-20T17:44:17.123456789Z" level=info msg="…"`; the message is quoted as Go quotes. */
const line = /^time="([^"]{1,40})" level=(trace|debug|info|warning|error|fatal|panic) msg=(.*)$/;

function parse(written: string): ParsedLine {
  const [, time = '', level = '', message = ''] = line.exec(written) ?? [];
  if (level === '') return {};
  return { level: levels[level], message: unquote(message), timeMs: Date.parse(time.replace(/(\.\d{3})\d*/, '$1')) };
}

function unquote(message: string): string {
  const found = /^"((?:[^"\\]|\\.)*)"/.exec(message)?.[1];
  return found === undefined
    ? message
    : found
        .replace(/\\(["\\])/g, '$1')
        .replaceAll('\\n', ' ')
        .replaceAll('\\t', ' ');
}

/** Ports of the top level, and what listens on them. */
const plainPorts = [
  ['mixed-port', 'mixed', ['tcp', 'udp']],
  ['port', 'http', ['tcp']],
  ['socks-port', 'socks', ['tcp', 'udp']],
  ['redir-port', 'redir', ['tcp']],
  ['tproxy-port', 'tproxy', ['tcp', 'udp']],
] as const;

/** Only allow-lan opens the top-level ports to others. */
function bindAddress(config: Document): string {
  if (field(config, 'allow-lan') !== true) return '127.0.0.1';
  const address = text(field(config, 'bind-address')) || '*';
  return address === '*' ? '::' : address.replace(/^\[|\]$/g, '');
}

const udpOnly = new Set(['tuic', 'hysteria2']);
const tcpAndUdp = new Set(['mixed', 'socks', 'tproxy', 'shadowsocks', 'tunnel']);

function listenerOf(one: Document): readonly Listener[] {
  const kind = text(field(one, 'type')).toLowerCase();
  const number = port(field(one, 'port'));
  if (number === 0 || kind === 'tun') return [];
  const network = texts(field(one, 'network'));
  const all = udpOnly.has(kind)
    ? (['udp'] as const)
    : tcpAndUdp.has(kind) && field(one, 'udp') !== false
      ? (['tcp', 'udp'] as const)
      : (['tcp'] as const);
  const shared = {
    address: text(field(one, 'listen')) || '::',
    port: number,
    tag: text(field(one, 'name')),
    kind,
    users: tables(field(one, 'users')).length,
  };
  return all.filter((name) => network.length === 0 || network.includes(name)).map((name) => ({ network: name, ...shared }));
}

function listeners(config: Document): readonly Listener[] {
  const users = texts(field(config, 'authentication')).length;
  const address = bindAddress(config);
  const plain = plainPorts.flatMap(([key, kind, networks]) => {
    const number = port(field(config, key));
    return number === 0 ? [] : networks.map((network): Listener => ({ network, address, port: number, tag: key, kind, users }));
  });
  const dns = field(config, 'dns', 'enable') === true ? hostPort(field(config, 'dns', 'listen')) : undefined;
  const dnsListeners = (['tcp', 'udp'] as const).map(
    (network): Listener => ({ network, address: dns?.host ?? '', port: dns?.port ?? 0, tag: 'dns', kind: 'dns', users: 0 }),
  );
  const opened = apis(config).flatMap(({ address: on, port: number, kind }): readonly Listener[] =>
    on === undefined || number === 0 ? [] : [{ network: 'tcp', address: on, port: number, tag: '', kind, users: 0 }],
  );
  return [...plain, ...tables(field(config, 'listeners')).flatMap(listenerOf), ...(dns === undefined ? [] : dnsListeners), ...opened];
}

function proxyInbound(config: Document): ProxyInbound | undefined {
  const [first] = texts(field(config, 'authentication'));
  const at = first?.indexOf(':') ?? -1;
  for (const [key, kind] of plainPorts.slice(0, 3)) {
    const number = port(field(config, key));
    if (number === 0) continue;
    const user = first === undefined || at < 0 ? undefined : { name: first.slice(0, at), password: first.slice(at + 1) };
    return { scheme: kind === 'socks' ? 'socks5' : 'http', host: reachable(bindAddress(config)), port: number, user };
  }
  const found = tables(field(config, 'listeners')).find(
    (one) =>
      /^(mixed|http|socks)$/i.test(text(field(one, 'type'))) && port(field(one, 'port')) > 0 && text(field(one, 'certificate')) === '',
  );
  if (found === undefined) return undefined;
  const [own] = tables(field(found, 'users'));
  const scheme = /^socks$/i.test(text(field(found, 'type'))) ? 'socks5' : 'http';
  const user = own === undefined ? undefined : { name: text(field(own, 'username')), password: text(field(own, 'password')) };
  return { scheme, host: reachable(text(field(found, 'listen')) || '::'), port: port(field(found, 'port')), user };
}

function apis(config: Document): readonly EngineApi[] {
  const secret = { path: 'secret', value: text(field(config, 'secret')) };
  const origins = {
    path: 'external-controller-cors.allow-origins',
    values: texts(field(config, 'external-controller-cors', 'allow-origins')),
  };
  return (['external-controller', 'external-controller-tls'] as const).flatMap((key): readonly EngineApi[] => {
    const written = text(field(config, key));
    if (written === '') return [];
    const at = hostPort(written);
    const tls = key.endsWith('tls');
    return [{ kind: 'clash', path: key, address: at?.host, port: at?.port ?? 0, tls, guard: 'required', secret, origins }];
  });
}

/** mihomo (https://wiki.metacubex.one), also known as Clash.Meta. Its home is its working directory: databases, its cache and relative paths are there. */
export const mihomo: Engine = {
  name: 'mihomo',
  programs: ['mihomo', 'clash-meta', 'clash'],
  versionArguments: ['-v'],
  version: /\bv?(\d+\.\d+\.\d+[\w.+-]*|alpha-\w+)/,
  runArguments: (configPath, args = []) => ['-d', '.', ...(configPath === undefined ? [] : ['-f', configPath]), ...args],
  checkArguments: (configPath, home = '.') => ['-t', '-d', home, '-f', configPath],
  check: {
    sentence: /level=(?:error|fatal)|^(?:panic|fatal error):|Parse config error/,
    prefix: /^time="[^"]*" level=(?:error|fatal) msg=/,
    position: /line (?<line>\d+)(?:, column (?<column>\d+))?/,
  },
  environment: {},
  reload: {
    signal: 'SIGHUP',
    done: /Initial configuration complete/,
    failed: /level=error msg="Parse config error: (?<why>.*)"$/,
  },
  startupMark: /Initial configuration complete/,
  terminalExitCodes: [],
  graceMs: 5000,
  parse,
  format: 'yaml',
  keys: {
    files: [
      'external-ui',
      'external-ui-name',
      'external-controller-unix',
      'proxy-providers.*.path',
      'rule-providers.*.path',
      '**.certificate',
      '**.private-key',
      '**.client-auth-cert',
      '**.ech-key',
      '**.custom-certifactes',
      '**.custom-certificates',
      '**.ca',
      '**.*-dir',
      '**.*-file',
      '**.state-directory',
    ],
    notFiles: [
      '**.ws-path',
      '**.*-opts.path',
      '**.*-opts.**.path',
      '**.headers.**',
      '**.reality-config.private-key',
      'external-doh-server',
      'rules',
      'sub-rules.**',
      'dns.**',
      'hosts.**',
      'proxies.host-key',
      { path: 'proxies.private-key', type: 'wireguard' },
      { path: 'proxies.private-key', type: 'masque' },
      { path: 'proxy-providers.*.payload.private-key', type: 'wireguard' },
    ],
    programs: [],
    secrets: [
      '**.uuid',
      '**.users.**',
      'authentication',
      '**.private-key',
      '**.pre-shared-key',
      '**.auth-str',
      '**.auth',
      '**.obfs-password',
      '**.private-key-passphrase',
    ],
    names: ['**.headers', 'hosts', '**.users', 'proxy-providers', 'rule-providers', 'sub-rules', '**.*-policy', '**.override'],
  },
  listeners,
  proxyInbound,
  apis,
};
