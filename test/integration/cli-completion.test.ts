/** Completion as the shells ask for it: their own scripts, the real program, a real daemon. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { bashScript, zshScript } from '../../src/cli/completion/scripts.ts';
import { type Daemon, makeDaemon, program, until } from '../helpers/daemon.ts';

let daemon: Daemon;

before(async () => {
  const unit = { command: ['/bin/sleep', '1000'], on_agent_exit: 'stop' };
  daemon = await makeDaemon({ config: { processes: { units: { edge: { ...unit, autostart: true }, 'edge.eu': unit, idle: unit } } } });
  await daemon.start();
  await until('its first event', async () => (await offers('events', '--type', 'process.s')).length > 0);
});
after(() => daemon?.dispose());

function environment(): NodeJS.ProcessEnv {
  return { PATH: `${program.replace(/\/[^/]*$/, '')}:/usr/bin:/bin`, HOME: daemon.dir, SBOXAGENT_AGENT_STATE_DIR: daemon.stateDir };
}

function run(file: string, argv: readonly string[], env = environment()): Promise<{ out: string; err: string }> {
  return new Promise((resolve, reject) => {
    execFile(file, argv, { cwd: daemon.dir, env, timeout: 60_000 }, (error, out, err) => {
      if (error === null) resolve({ out, err });
      else reject(new Error(`${file}: ${err}`, { cause: error }));
    });
  });
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const values = (text: string): string[] => lines(text).map((line) => line.split('\t')[0] ?? '');

/** What the program offers for words of which the last is being typed. */
async function offers(...words: string[]): Promise<string[]> {
  return values((await run(program, ['__complete', ...words])).out);
}

describe('what is offered', () => {
  test('ids, with what they are', async () => {
    assert.deepEqual(await offers('restart', ''), ['edge', 'edge.eu', 'idle']);
    assert.deepEqual(await offers('restart', 'edge.'), ['edge.eu']);
    assert.deepEqual(await offers('restart', 'edge', ''), []);
    assert.deepEqual(await offers('logs', 'a'), ['agent']);
    assert.match((await run(program, ['__complete', 'stop', 'i'])).out, /^idle\tSTOPPED\n$/);
    assert.ok((await offers('events', '--type', '')).includes('process.started'));
  });

  test('keys of the configuration, their values, groups of them', async () => {
    assert.deepEqual(await offers('config', 'set', 'api.po'), ['api.port=']);
    const security = await offers('config', 'get', 'api.sec');
    for (const key of ['api.security', 'api.security.auth_enabled']) assert.ok(security.includes(key), key);
    assert.deepEqual(await offers('config', 'set', 'agent.log_level=w'), ['agent.log_level=warn']);
    assert.deepEqual(await offers('config', 'set', 'api.port=1', 'processes.units.edge.eu.engine=si'), []);
    assert.deepEqual(await offers('config', 'set', 'processes.units.edge.engine=si'), ['processes.units.edge.engine=sing-box']);
    assert.deepEqual(await offers('config', 'set', 'processes.units.edge.auto'), ['processes.units.edge.autostart=']);
  });

  test('revisions, tokens, scopes, methods, formats, files', async () => {
    assert.deepEqual(await offers('config', 'rollback', ''), ['1']);
    const [token = ''] = await offers('token', 'revoke', '');
    assert.match((await run(program, ['token', 'list'])).out, new RegExp(`^${token} `, 'm'));
    assert.deepEqual(await offers('token', 'create', '--scope', 'read,ev'), ['read,events:write']);
    assert.deepEqual(await offers('call', 'EventService.Li'), ['EventService.ListEvents']);
    assert.deepEqual(await offers('ps', '-o', 'j'), ['json']);
    assert.deepEqual(await offers('token', 'create', '--sc'), ['--scope']);
    assert.deepEqual(await offers('apply', 'edge', '-f', ''), [':files']);
    assert.deepEqual(await offers('st'), ['status', 'start', 'stop']);
    assert.deepEqual(await offers('token', ''), ['create', 'list', 'revoke']);
  });

  test('an agent that is away: nothing, and no word about it', async () => {
    const away = { ...environment(), SBOXAGENT_AGENT_STATE_DIR: `${daemon.dir}/none` };
    assert.deepEqual(await run(program, ['__complete', 'restart', ''], away), { out: '', err: '' });
    assert.deepEqual(await run(program, ['__complete', '--target', '127.0.0.1:1', 'restart', '']), { out: '', err: '' });
  });
});

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

/** What each shell would put on its line. */
const shells: Readonly<Record<string, (words: readonly string[]) => Promise<string[]>>> = {
  bash: async (words) => {
    const split = words.flatMap((word) => word.split(/(=)/).filter((part, i) => part !== '' || i === 0));
    const script = `${bashScript}\ncompopt() { :; }
COMP_WORDS=(sboxagent ${quoted(split)})\nCOMP_CWORD=${split.length}\n_sboxagent\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines((await run('bash', ['-c', script])).out);
  },
  zsh: async (words) => {
    const script = `compdef() { :; }\n_files() { print -l files; }
_describe() { print -lr -- \${(P)3} }\n${zshScript}\nwords=(sboxagent ${quoted(words)})\nCURRENT=${words.length + 1}\n_sboxagent`;
    return lines((await run('zsh', ['-f', '-c', script])).out).map((line) => line.replaceAll('\\:', ';').split(':')[0] ?? '');
  },
  fish: async (words) => {
    const script = `sboxagent completion fish | source; complete -C '${['sboxagent', ...words].join(' ')}'`;
    return values((await run('fish', ['--no-config', '-c', script])).out);
  },
};

for (const [shell, offered] of Object.entries(shells)) {
  test(`${shell} asks for them`, { skip: has(shell) ? false : `${shell} is not here` }, async () => {
    assert.deepEqual(await offered(['restart', 'e']), ['edge', 'edge.eu']);
    assert.deepEqual(await offered(['token', 'cr']), ['create']);
    assert.deepEqual(await offered(['ps', '-o', 'wi']), ['wide']);
    const value = shell === 'bash' ? 'warn' : 'agent.log_level=warn';
    assert.deepEqual(await offered(['config', 'set', 'agent.log_level=w']), [value]);
    assert.deepEqual(await offered(['config', 'set', 'api.por']), ['api.port=']);
  });
}
