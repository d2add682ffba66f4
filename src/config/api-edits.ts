import { keepOverwritten, parseYaml, plainValue, sameTexts, type Texts } from '../documents/index.ts';
import type { JsonObject } from '../events/types.ts';
import { AgentError, RefusedError } from '../kernel/errors.ts';
import type { Principal } from '../kernel/principal.ts';
import { changeTo, commit } from './effect.ts';
import { judgeCandidate } from './judge.ts';
import { allowed } from './key-authority.ts';
import { configInvalid, problemsOf } from './refusals.ts';
import { answerOf, type ConfigRoom, currentOf, isRefused, type State } from './room.ts';
import type { Author, Candidate, ConfigChange } from './types.ts';

export interface ApiEdit {
  readonly author: Author;
  /** Absent: the agent itself, which may change all. */
  readonly caller: Principal | undefined;
  readonly validateOnly?: boolean;
  /** The revision that is put back. */
  readonly restored?: number;
}

/** No fault of the document. */
const untold: ReadonlySet<string> = new Set(['CONFIG_NOT_WRITTEN', 'DISK_FULL', 'ETAG_STALE', 'INVALID_REQUEST']);

/** Judges, compares, writes and applies. Throws AgentError, and what is refused is told unless it was a question alone. For the holder of the lock. */
export async function editConfig(room: ConfigRoom, judge: () => State, edit: ApiEdit): Promise<ConfigChange> {
  try {
    return await change(room, judge, edit);
  } catch (error) {
    const refusal = error instanceof RefusedError ? configInvalid(problemsOf(error), error) : error;
    const isTold = refusal instanceof AgentError && !untold.has(refusal.reason) && edit.validateOnly !== true;
    if (isTold) room.events.rejected(refusal, edit.author);
    throw refusal;
  }
}

/** The files as a candidate would make them. */
export function judgeUpdate(room: ConfigRoom, candidate: Candidate, mask: readonly string[] = []): State {
  return judgeCandidate(candidate, mask, { base: currentOf(room), load: room.load });
}

/** The files of an earlier revision: as they were; where the agent manages other files by now, what they said. Throws RefusedError. */
export function judgeRevision(room: ConfigRoom, texts: Texts): State {
  const paths = [...currentOf(room).texts.keys()];
  if (paths.length === texts.size && paths.every((path) => texts.has(path))) {
    const ordered = new Map(paths.map((path) => [path, texts.get(path) ?? '']));
    return { texts: ordered, loaded: room.load(ordered) };
  }
  const document: JsonObject = Object.fromEntries([...texts.values()].flatMap((text) => Object.entries(plainValue(parseYaml(text)))));
  return judgeUpdate(room, { document });
}

async function change(room: ConfigRoom, judge: () => State, { author, caller, validateOnly, restored }: ApiEdit): Promise<ConfigChange> {
  const before = currentOf(room);
  const seen = room.document.disk();
  const next = allowed(judge, before, caller);
  const made = changeTo(room, next, { author, restored });
  if (validateOnly || sameTexts(next.texts, before.texts)) return answerOf(room, made.changes);
  const now = room.document.disk();
  if (now.kind !== seen.kind || (now.kind !== 'same' && seen.kind !== 'same' && now.print !== seen.print)) {
    throw new AgentError('ETAG_STALE', 'the files were changed by hand at the same moment');
  }
  if (isRefused(room, now)) keepRefused(room, author);
  return commit(room, made);
}

/** A hand edit that was refused is overwritten now: it is lost to nobody. */
function keepRefused(room: ConfigRoom, author: Author): void {
  const { texts } = currentOf(room);
  const copies = keepOverwritten(room.backupDir, [...texts.keys()], texts);
  room.logger.warn({ author: author.name, copies }, 'a refused hand edit of the configuration is overwritten; here is a copy of it');
}
