import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { decodeShellStatus, type EndStatus, signalName } from './exit-status.ts';
import type { RecordFiles } from './record-file.ts';
import type { SpawnRequest } from './spawner.ts';

/** Files of one unit under `<state_dir>/units/<id>/`; all 0600. */
export interface RunFiles {
  readonly directory: string;
  readonly stdout: string;
  readonly stderr: string;
  /**
   * Written by the shim when the program has ended: `<run id> code <code>` or `<run id> signal <number>`; by one of the shell, which
   * cannot tell the two apart, `<run id> <status>`.
   */
  readonly exit: string;
  /** What the shim's shell itself had to say. */
  readonly words: string;
  readonly record: RecordFiles;
  /** What its probes have come to. */
  readonly probes: string;
  /** What its engine has counted of its traffic. */
  readonly traffic: string;
}

export const shell = '/bin/sh';

export function hasShell(): boolean {
  return existsSync(shell);
}

/**
 * Where there is no launcher (launch/script.ts has its own shim, which does the same), the agent starts this one by its own fork.
 *
 * The shim leads the process group and outlives the daemon: it waits for the program and writes down how it ended. It joins the
 * group of the unit first, so that all that follows is born there. It traps (and does not ignore) the signals that go to the whole
 * process group, so that it survives them and the program gets them with their default action; for that the program must run in
 * the foreground, in a subshell, which alone can tell its pid (by /proc/self: `$$` is the shim's) over descriptor 3.
 */
const script = `trap : HUP INT QUIT ALRM TERM USR1 USR2 PIPE
exit_file=$1; words=$2; run=$3; join=$4; mask=$5; shift 5
exec 4>&2 2>"$words"
joined=0
[ -n "$join" ] && { echo 0 >"$join"; } 2>/dev/null && joined=1
( read -r pid rest </proc/self/stat; echo "$pid $joined" >&3; umask "$mask"; exec "$@" 2>&4 3>&- 4>&- )
status=$?
echo "$run $status" >"$exit_file"
exit "$status"`;

export function shimArguments({ argv, files, runId, group, umask }: SpawnRequest): readonly string[] {
  const joinFile = group === '' ? '' : `${group}/cgroup.procs`;
  return ['-c', script, 'sboxagent-shim', files.exit, files.words, runId, joinFile, umask.toString(8), ...argv];
}

let bash: boolean | undefined;

/** Which shell it is: it does not change under a living daemon. */
function shellIsBash(): boolean {
  try {
    bash ??= realpathSync(shell).endsWith('/bash');
  } catch {
    bash = false;
  }
  return bash;
}

/** How the run ended by the shim's file; undefined when it wrote none (it was killed, or the run goes on). */
export function readExitFile(files: RunFiles, runId: string): EndStatus | undefined {
  try {
    const [, run, kind, number] = /^(\S+) (?:(code|signal) )?(\d+)\n$/.exec(readFileSync(files.exit, 'utf8')) ?? [];
    if (run !== runId) return undefined;
    if (kind === 'code') return { kind, code: Number(number) };
    if (kind === 'signal') return { kind, signal: signalName(Number(number)) };
    return decodeShellStatus(Number(number), readFileSync(files.words, 'utf8'), shellIsBash());
  } catch {
    return undefined;
  }
}

/** How the run ended by the end of the shim itself: it hands on the code of the program; only of a signal its file knows more. */
export function statusOfShim({ files, runId }: SpawnRequest, own: EndStatus): EndStatus {
  if (own.kind === 'code' && own.code <= 128) return own;
  return readExitFile(files, runId) ?? own;
}
