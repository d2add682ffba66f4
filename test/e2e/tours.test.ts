/** The tours of the documentation, command by command as they stand there. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { foreign, root, runProgram } from '../helpers/daemon.ts';
import { freePort } from '../helpers/free-port.ts';

/** What each block of a tour must print, in order. */
const tours: Readonly<Record<string, readonly RegExp[]>> = {
  'plugins.md': [
    /^/,
    /geo-updater .*ACTIVE/,
    /geo-updater[\s\S]*\b3\b/,
    /"password": "correct-horse"[\s\S]*revision 2, APPLIED[\s\S]*\*\*\*/,
    /revision 3/,
    /config\.json:1[\s\S]*example\.com[\s\S]*config\.applied[\s\S]*config\.rejected/,
    /plugin\.degraded[\s\S]*plugin\.unhealthy[\s\S]*plugin\.recovering[\s\S]*plugin\.recovered/,
    /[4-9] "trace_id"/,
    /visitor .*ACTIVE[\s\S]*visitor .*STOPPED[\s\S]*ENDED: it ended its session[\s\S]*visitor is removed/,
    /^/,
  ],
  'changing-configuration.md': [
    /^/,
    /^\s*info\s[\s\S]*sboxagent\.yaml/,
    /agent\.log_level[\s\S]*# The edge agent of the office\.\napi:\n {2}limits: \{message_bytes: 1MiB\} {2}# what the panel needs\nagent: \{log_level: debug\}/,
    /exit code 1/,
    /sboxagent\.yaml:3[\s\S]*2MiB/,
    /looking for a leak[\s\S]*1MiB\} {2}# what the panel needs\nagent: \{log_level: info\}/,
    /# The edge agent of the office\.[\s\S]*"new_value": ?"warn"/,
    /^/,
  ],
  'traces.md': [
    /^/,
    /StartProcess[\s\S]*■ process\.start process=edge[\s\S]*plugin\.error[\s\S]*alert\.firing/,
    /StopProcess[\s\S]*TRACE/,
    /"trace_id":"0000000000000000000000005eed0042"[\s\S]*process\.exited[\s\S]*process\.restarting[\s\S]*process\.ready/,
    /^/,
  ],
  'audit.md': [
    /^/,
    /token\.create[\s\S]*StartProcess +edge +OK[\s\S]*StopProcess +edge +OK/,
    /StartProcess +- +PERMISSION_DENIED SCOPE_MISSING/,
    /The chain is whole/,
    /exit code 1[\s\S]*broken at entry 3/,
    /^/,
  ],
  'metrics.md': [
    /worker .*READY/,
    /^\s*cpu [\s\S]*worker +READY[\s\S]*"resident_memory_bytes": [1-9]/,
    /sboxagent_process_state\{process="worker",engine="",state="READY"\} 1\n[\s\S]*sboxagent_process_resident_memory_bytes/,
    /_bucket\{.*\} \d+ # \{trace_id="[0-9a-f]{32}"\}/,
    /"unit": ?"ratio"[\s\S]*"window": ?"300s"[\s\S]*"rate":/,
    /^/,
  ],
  'events.md': [
    /^/,
    /"source":"panel"[\s\S]*"password":"\*\*\*"[\s\S]*"redacted":\["data\.password"\]/,
    /201 ("revision":"\d+")\n200 \1/,
    /events\[1\]\.type(?![\s\S]*panel\.one)/,
    /panel\.synced(?![\s\S]*panel\.synced)[\s\S]*"subject":"alice"/,
    /^id: \d+\nevent: events\ndata: .*panel\.login/m,
    /EVENT_RESERVED/,
    /^/,
  ],
  'security.md': [
    /^/,
    /^\{"status":"HEALTHY","components":\[\].*\}401/m,
    /^200$/m,
    /SCOPE_MISSING/,
    /^403\n421$/m,
    /dashboard[\s\S]*revoked[\s\S]*token\.revoke/,
    /exit code 78/,
    /^/,
  ],
  'from-the-protos.md': [
    /^/,
    /own\.python has revision \d+\nwatched \['own\.python'\]\nNOT_FOUND .*nobody/,
    /own\.typescript has revision \d+\nwatched \[ 'own\.typescript' \]\nNotFound .*nobody/,
    /^/,
  ],
  'rest.md': [
    /^/,
    /^5\d\n.*sboxagent/m,
    /"id":"two"/,
    /201[\s\S]*location: \/api\/v1\/processes\/two[\s\S]*PROCESS_ALREADY_RUNNING/i,
    /"field":"size"[\s\S]*"field":"sort"[\s\S]*forced/,
    /^200\n409\nETAG_STALE/m,
    /"snapshot":true/,
    /RestartProcess/,
    /^/,
  ],
  'engines.md': [
    /edge .*READY/,
    /probe +PASSED[\s\S]*edge runs with revision 2[\s\S]*correct-horse[\s\S]*way-out/,
    /exit code 1/,
    /exit code 1/,
    /exit code 1[\s\S]*"status"/,
    /ROLLED_BACK[\s\S]*a better name[\s\S]*edge runs with revision 4[\s\S]*config\.applied[\s\S]*config\.rejected[\s\S]*config\.rolled_back/,
    /"drifted": ?true[\s\S]*by-hand/,
    /edge does not run/,
  ],
  'tasks.md': [
    /^/,
    /^edge +READY /m,
    /SIGKILL/,
    /still here/,
    /ports +PASSED[\s\S]*probe +PASSED[\s\S]*edge runs with revision 2/,
    /edge runs with revision 3/,
    /colleague\) is revoked/,
    /process\.exited[\s\S]*config\.applied[\s\S]*ApplyProcessConfig +edge +OK[\s\S]*RollbackProcessConfig|RollbackProcessConfig[\s\S]*ApplyProcessConfig/,
    /^/,
  ],
};

/** The program that a tour needs besides ours. */
const needs: Readonly<Record<string, string>> = {
  'engines.md': 'sing-box',
  'tasks.md': 'sing-box',
  'from-the-protos.md': 'grpc_python_plugin',
};

for (const [page, expected] of Object.entries(tours)) {
  const needed = needs[page];
  const found = needed === undefined ? '' : foreign(needed);
  test(`the tour of docs/${page} runs as it is written`, { skip: found === undefined && `no ${needed}` }, async (t) => {
    const text = readFileSync(join(root, 'docs', page), 'utf8');
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? '');
    assert.equal(blocks.length, expected.length, 'every block of the tour has its expectation');
    const temp = mkdtempSync(join(tmpdir(), 'sboxagent-tour-'));
    t.after(() => rmSync(temp, { recursive: true, force: true }));
    const env = {
      TMPDIR: temp,
      PATH: `${dirname(found ?? '')}:${process.env['PATH']}`,
      PROXY_PORT: String(await freePort()),
      SBOXAGENT_API_PORT: String(await freePort()),
      SBOXAGENT_SBOXMGR_SOCKET_PATH: join(temp, 'sboxmgr.sock'),
    };
    const script = blocks.map((block, i) => `${block}\necho; echo "@@ ${i}"`).join('\n');
    const ran = await runProgram(['bash', '-c', `cd '${root}'; set +H -m; ${script}`], { env, timeoutMs: 300_000 });
    const parts = ran.stdout.split(/^@@ \d+$/m);
    expected.forEach((what, i) => {
      assert.match(parts[i] ?? '', what, `block ${i + 1}:\n${blocks[i]}\n${ran.stdout.slice(-1500)}\n${ran.stderr.slice(-800)}`);
    });
  });
}
