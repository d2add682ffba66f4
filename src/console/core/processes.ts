import { effect, type ReadonlySignal, type Signal, signal, untracked } from '@preact/signals';
import type { Process } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { follow, type Link } from './follow.ts';
import type { Session } from './session.ts';
import type { Clients } from './transport.ts';

export interface Processes {
  /** All processes by id, in order; undefined before the first answer. */
  readonly all: ReadonlySignal<ReadonlyMap<string, Process> | undefined>;
}

export interface Deps {
  readonly session: Session;
  readonly clients: Clients;
}

/** Runs `fn` while the session is open and its token may read; ends it when that changes. */
export function whileOpen(session: Session, fn: (signal: AbortSignal) => void): void {
  let controller: AbortController | undefined;
  let token: string | undefined;
  effect(() => {
    const open = session.state.value.kind === 'open';
    if (controller !== undefined && (!open || session.token.value !== token)) {
      controller.abort();
      controller = undefined;
    }
    if (!open || controller !== undefined) return;
    token = session.token.value;
    controller = new AbortController();
    const { signal } = controller;
    untracked(() => fn(signal));
  });
}

export function createProcesses({ session, clients, link }: Deps & { readonly link: Signal<Link> }): Processes {
  const all = signal<ReadonlyMap<string, Process> | undefined>(undefined);
  whileOpen(session, (stop) => {
    void follow(stop, {
      open: (signal) => clients.processes.watchProcesses({}, { signal }),
      link,
      onMessage({ processes, removedIds, snapshot }) {
        const next = new Map(snapshot ? [] : all.value);
        for (const id of removedIds) next.delete(id);
        for (const process of processes) next.set(process.id, process);
        all.value = new Map([...next].sort(([a], [b]) => a.localeCompare(b)));
      },
    });
  });
  return { all };
}
