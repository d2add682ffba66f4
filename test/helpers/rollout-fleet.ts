/** Agents of a fleet with one small engine each: a shell script that starts and reloads as sing-box does, so that twenty fit on a small machine. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Daemon, makeDaemon, program, type Ran, runProgram, until } from './daemon.ts';
import { makeNatsServer, type NatsServer } from './nats-server.ts';

/** What REFUSES names in a config keeps the engine from starting with it; its check passes. */
const engine = `#!/bin/sh
kind=$1
while [ $# -gt 1 ]; do [ "$1" = -c ] && file=$2; shift; done
load() {
  if [ -n "$REFUSES" ] && grep -q "$REFUSES" "$file"; then
    echo 'FATAL[0000] start service: no route to the tunnel' >&2
    exit 1
  fi
  [ -n "$SLOW" ] && grep -q second "$file" && sleep "$SLOW"
  echo 'INFO[0000] sing-box started (0.01s)' >&2
}
case $kind in
version) echo 'sing-box version 1.14.1' ;;
check) grep -q '{' "$file" || { echo "FATAL[0000] decode config at $file: no object" >&2; exit 1; } ;;
run)
  trap 'kill $!; exit 0' TERM
  trap load HUP
  load
  while :; do sleep 1000 & wait; kill $!; done ;;
esac
`;

export const configOf = (word: string): string =>
  `${JSON.stringify({ log: { level: 'info' }, outbounds: [{ type: 'direct', tag: word }] }, undefined, 2)}\n`;

export interface AgentOptions {
  readonly labels?: Readonly<Record<string, string>>;
  /** Environment of its engine. */
  readonly env?: Readonly<Record<string, string>>;
  /** Scopes of the operator's key at this agent. */
  readonly scopes?: readonly string[];
  readonly fleet?: Readonly<Record<string, unknown>>;
}

export interface RolloutFleet {
  readonly nats: NatsServer;
  readonly dir: string;
  /** Environment of the operator's commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a key pair of that name; answers the file of the private half. */
  key(name: string, scope: string): Promise<string>;
  /** Makes an agent and starts it. */
  join(name: string, options?: AgentOptions): Promise<Daemon>;
  /** A command of the operator. */
  run(args: readonly string[], more?: { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number }): Promise<Ran>;
  /** A command of the documentation, in the directory of the operator's files. */
  shell(script: string, env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** A file with a config of that word. */
  file(word: string): string;
  dispose(): Promise<void>;
}

export async function makeRolloutFleet(configuration = ''): Promise<RolloutFleet> {
  const nats = await makeNatsServer(configuration);
  await nats.start();
  const daemons: Daemon[] = [];
  const home = await makeDaemon();
  const bin = join(home.dir, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'sing-box'), engine);
  symlinkSync(program, join(home.dir, 'sboxagent'));
  chmodSync(join(bin, 'sing-box'), 0o755);
  const publicKeys = new Map<string, string>();
  const env = { SBOXAGENT_FLEET_SERVERS: nats.url, SBOXAGENT_SIGNING_KEY_FILE: join(home.dir, 'ops.pem') };
  const fleet: RolloutFleet = {
    nats,
    env,
    dir: home.dir,
    async key(name, scope) {
      const path = join(home.dir, `${name}.pem`);
      const said = await fleet.run(['fleet', 'key', path, '--name', name, '--scope', scope, '-o', 'json']);
      publicKeys.set(name, (JSON.parse(said.stdout) as { public_key: string }).public_key);
      return path;
    },
    async join(name, { labels = {}, env: engineEnv = {}, scopes = ['read', 'config:write'], fleet: more = {} } = {}) {
      const daemon = await makeDaemon({ env: { PATH: [bin, process.env['PATH']].join(delimiter) }, config: { agent: { name } } });
      daemons.push(daemon);
      const configPath = join(daemon.dir, 'edge.json');
      writeFileSync(configPath, configOf('first'), { mode: 0o600 });
      const unit = {
        ...{ engine: 'sing-box', config_path: configPath, autostart: true, on_agent_exit: 'keep', env: engineEnv },
        restart: { policy: 'always', base: '50ms' },
        apply: { ready_within: '20s', soak: '100ms' },
      };
      const keys = [{ name: 'ops', public_key: publicKeys.get('ops'), scopes }];
      const written = JSON.parse(readFileSync(daemon.configPath, 'utf8')) as object;
      const joined = { servers: [nats.url], heartbeat: '1s', labels, keys, ...more };
      writeFileSync(daemon.configPath, JSON.stringify({ ...written, fleet: joined, processes: { units: { edge: unit } } }));
      await daemon.start();
      await until(`the engine of ${name}`, async () => {
        const { json } = await daemon.rest('GET', '/api/v1/processes/edge');
        return (json as { state: string }).state === 'READY';
      });
      return daemon;
    },
    run: (args, { env: moreEnv = {}, timeoutMs = 120_000 } = {}) =>
      runProgram([program, ...args], { env: { ...env, ...moreEnv }, timeoutMs }),
    shell: (script, more = {}) =>
      runProgram(['bash', '-c', `cd '${home.dir}'; ${script}`], {
        env: { ...env, PATH: [home.dir, process.env['PATH']].join(delimiter), ...more },
        timeoutMs: 120_000,
      }),
    file(word) {
      const path = join(home.dir, `${word}.json`);
      writeFileSync(path, configOf(word));
      return path;
    },
    async dispose() {
      await Promise.all(daemons.map((daemon) => daemon.dispose()));
      await home.dispose();
      await nats.dispose();
    },
  };
  await fleet.key('ops', 'read,config:write');
  return fleet;
}

/** The word of the config that an agent's engine has. */
export function wordOf(daemon: Daemon): string {
  const { outbounds } = JSON.parse(readFileSync(join(daemon.dir, 'edge.json'), 'utf8')) as { outbounds: { tag: string }[] };
  return outbounds[0]?.tag ?? '';
}
