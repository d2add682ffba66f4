import type { Level, ParsedLine } from '../../logs/types.ts';
import { field, hostPort, port, reachable, tables, text, texts } from './fields.ts';
import type { Document, Engine, EngineApi, Listener, ProxyInbound } from './types.ts';

const levels: Readonly<Record<string, Level>> = {
  TRACE: 'TRACE',
  DEBUG: 'DEBUG',
  INFO: 'INFO',
  WARN: 'WARN',
  ERROR: 'ERROR',
  FATAL: 'FATAL',
  PANIC: 'FATAL',
};

/** `INFO[0000] tag: message`, or with a time `+0000 2026-11-22 22:26:51 INFO [id 0ms] tag: message` (the zone first). FATAL comes in the first form always. */
const plainLine = /^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL|PANIC)\[\d+\] (.*)$/;
const timedLine = /^([+-]\d\d)(\d\d) (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (TRACE|DEBUG|INFO|WARN|ERROR|FATAL|PANIC) (.*)$/;

function parse(line: string): ParsedLine {
  const plain = plainLine.exec(line);
  if (plain !== null) return { level: levels[plain[1] ?? ''], message: plain[2] ?? '' };
  const timed = timedLine.exec(line);
  if (timed === null) return {};
  const [, zone, minutes, day, time, level = '', message = ''] = timed;
  return { level: levels[level], message, timeMs: Date.parse(`${day}T${time}${zone}:${minutes}`) };
}

/** Inbounds by the transport that they listen on; `tun` opens no port. */
const udpOnly = new Set(['hysteria', 'hysteria2', 'tuic']);
const tcpOnly = new Set(['mixed', 'http', 'socks', 'vmess', 'vless', 'trojan', 'shadowtls', 'anytls', 'redirect', 'snell']);
const either = new Set(['direct', 'tproxy', 'shadowsocks', 'naive']);

function inboundListeners(inbound: Document): readonly Listener[] {
  const kind = text(field(inbound, 'type'));
  const number = port(field(inbound, 'listen_port'));
  if (number === 0) return [];
  const network = field(inbound, 'network');
  const both = either.has(kind) && network === undefined;
  const named = either.has(kind) ? network : undefined;
  const shared = {
    address: text(field(inbound, 'listen')) || '::',
    port: number,
    tag: text(field(inbound, 'tag')),
    kind,
    users: usersOf(inbound).length,
  };
  const listeners: Listener[] = [];
  if (tcpOnly.has(kind) || both || named === 'tcp') listeners.push({ network: 'tcp', ...shared });
  if (udpOnly.has(kind) || both || named === 'udp') listeners.push({ network: 'udp', ...shared });
  return listeners;
}

function usersOf(inbound: Document): readonly Document[] {
  return tables(field(inbound, 'users'));
}

function listeners(config: Document): readonly Listener[] {
  const opened = apis(config).flatMap(({ kind, address, port: number }): readonly Listener[] =>
    address === undefined || number === 0 ? [] : [{ network: 'tcp', address, port: number, tag: '', kind, users: 0 }],
  );
  return [...tables(field(config, 'inbounds')).flatMap(inboundListeners), ...opened];
}

function proxyInbound(config: Document): ProxyInbound | undefined {
  const found = tables(field(config, 'inbounds')).find((inbound) => {
    const kind = text(field(inbound, 'type'));
    return (
      (kind === 'mixed' || kind === 'http' || kind === 'socks') &&
      port(field(inbound, 'listen_port')) > 0 &&
      field(inbound, 'tls', 'enabled') !== true
    );
  });
  if (found === undefined) return undefined;
  const [user] = usersOf(found);
  return {
    scheme: text(field(found, 'type')) === 'socks' ? 'socks5' : 'http',
    host: reachable(text(field(found, 'listen')) || '::'),
    port: port(field(found, 'listen_port')),
    user: user === undefined ? undefined : { name: text(field(user, 'username')), password: text(field(user, 'password')) },
  };
}

/** A key that takes an address and a port as one text. */
function addressed(
  config: Document,
  path: readonly string[],
  rest: Pick<EngineApi, 'kind' | 'guard' | 'secret' | 'origins'>,
): readonly EngineApi[] {
  const value = text(field(config, ...path));
  if (value === '') return [];
  const at = hostPort(value);
  return [{ ...rest, path: path.join('.'), address: at?.host, port: at?.port ?? 0, tls: false }];
}

const noSecret = { path: '', value: '' };
const noOrigins = { path: '', values: [] };

function serviceApi(service: Document, index: number): readonly EngineApi[] {
  const type = text(field(service, 'type'));
  if (type !== 'api' && type !== 'ssm-api') return [];
  const base = `services[${index}]`;
  return [
    {
      kind: type === 'api' ? 'sing-box' : 'ssm',
      path: `${base}.listen`,
      address: text(field(service, 'listen')) || '::',
      port: port(field(service, 'listen_port')),
      tls: field(service, 'tls', 'enabled') === true,
      guard: type === 'api' ? 'required' : 'impossible',
      secret: { path: `${base}.secret`, value: text(field(service, 'secret')) },
      origins: { path: `${base}.access_control_allow_origin`, values: texts(field(service, 'access_control_allow_origin')) },
    },
  ];
}

function apis(config: Document): readonly EngineApi[] {
  const clash = ['experimental', 'clash_api'];
  return [
    ...addressed(config, [...clash, 'external_controller'], {
      kind: 'clash',
      guard: 'required',
      secret: { path: 'experimental.clash_api.secret', value: text(field(config, ...clash, 'secret')) },
      origins: {
        path: 'experimental.clash_api.access_control_allow_origin',
        values: texts(field(config, ...clash, 'access_control_allow_origin')),
      },
    }),
    ...tables(field(config, 'services')).flatMap(serviceApi),
    ...addressed(config, ['experimental', 'v2ray_api', 'listen'], {
      kind: 'v2ray-stats',
      guard: 'none',
      secret: noSecret,
      origins: noOrigins,
    }),
    ...addressed(config, ['experimental', 'debug', 'listen'], { kind: 'debug', guard: 'impossible', secret: noSecret, origins: noOrigins }),
  ];
}

/** sing-box (https://sing-box.sagernet.org), 1.10 to 1.14. */
export const singBox: Engine = {
  name: 'sing-box',
  programs: ['sing-box'],
  versionArguments: ['version'],
  version: /version v?(\d\S*)/,
  runArguments: (configPath, args = []) => ['run', ...(configPath === undefined ? [] : ['-c', configPath]), '--disable-color', ...args],
  checkArguments: (configPath) => ['check', '-c', configPath, '--disable-color'],
  // A check can panic: exit code 2 and a stack of goroutines, of which the first line says what it was.
  check: {
    sentence: /^(?:ERROR|FATAL|PANIC)\[|^(?:panic|fatal error):/,
    prefix: /^(?:ERROR|FATAL|PANIC)\[\d+\] /,
    position: /row (?<line>\d+), column (?<column>\d+)/,
  },
  environment: {},
  // It checks the file first. A good one closes and starts all within the pid, so that connections drop; a failed start ends it.
  reload: { signal: 'SIGHUP', done: /sing-box started/, failed: /^(?:ERROR\[\d+\]|.* ERROR) reload service: (?<why>.*)$/ },
  startupMark: /sing-box started/,
  terminalExitCodes: [],
  // It kills itself after 10 s of closing.
  graceMs: 12_000,
  parse,
  format: 'json',
  keys: {
    // `sing-box schema` lists what ends in _path, _file, _files and _directory; the rest is by its source.
    files: [
      '**.*_path',
      '**.*_file',
      '**.*_files',
      '**.*_directory',
      '**.netns',
      'log.output',
      'experimental.cache_file.path',
      'experimental.clash_api.external_ui',
      'services.dashboard',
      'services.dashboard.path',
      'network_namespaces.path',
      'route.rule_set.path',
      'inbounds.masquerade.directory',
      { path: 'dns.servers.path', type: 'hosts' },
    ],
    notFiles: [
      '**.process_path',
      '**.process_path_regex',
      '**.initial_path',
      '**.transport.path',
      'outbounds.path',
      'dns.servers.path',
      '**.headers.**',
    ],
    // ssh_server opens a shell to a whole tailnet; torrc and arguments of tor name programs of transports.
    programs: ['**.executable_path', '**.wrapper_path', 'outbounds.extra_args', 'outbounds.torrc', 'endpoints.ssh_server'],
    secrets: ['**.uuid', '**.auth', '**.auth_str', '**.key', '**.private_key', '**.peers.pre_shared_key', '**.users.auth', '**.torrc.**'],
    names: ['**.headers', '**.torrc', '**.predefined', '**.tls.ech.config'],
  },
  listeners,
  proxyInbound,
  apis,
};
