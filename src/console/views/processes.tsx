import { useState } from 'preact/hooks';
import { type Process, Process_State } from '../../../gen/es/sboxagent/v1/process_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import type { ProcessFigures } from '../core/figures.ts';
import { bytes, percent } from '../core/format.ts';
import { href } from '../core/router.ts';
import { nameOf, ProcessBadge } from '../parts/badge.tsx';
import { Empty } from '../parts/note.tsx';
import { AskDialog, type Asked, actionsOf, actOn, isDisruptive, type ProcessAction, ProcessButtons } from '../parts/process-actions.tsx';
import { FilterField, useRowKeys } from '../parts/rows.tsx';
import { Elapsed, Relative } from '../parts/time.tsx';

const keyActions: Readonly<Record<string, ProcessAction>> = { s: 'start', x: 'stop', r: 'restart', l: 'reload' };

export function ProcessesView() {
  const texts = useTexts();
  const app = useApp();
  const [asked, setAsked] = useState<Asked | undefined>(undefined);
  const all = [...(app.processes.all.value?.values() ?? [])];
  const wanted = (app.router.route.value.query.get('q') ?? '').toLowerCase();
  const shown = all.filter((process) => textOf(process).includes(wanted));
  const box = useRowKeys((key, id) => {
    const process = app.processes.all.value?.get(id);
    const action = keyActions[key];
    if (key === 'Enter') app.router.go(href('processes', id));
    if (process === undefined || action === undefined || !app.session.may('operate') || !actionsOf(process).includes(action))
      return key === 'Enter';
    if (isDisruptive(action)) setAsked({ action, id });
    else void actOn(app, action, id);
    return true;
  });
  return (
    <>
      <header class="top">
        <h1>{texts.processes.title}</h1>
        <FilterField name="q" label={texts.processes.filter} />
        <span class="dim">{texts.processes.shown(shown.length, all.length)}</span>
      </header>
      {app.processes.all.value === undefined ? (
        <Empty>{texts.common.loading}</Empty>
      ) : shown.length === 0 ? (
        <Empty>{all.length === 0 ? texts.processes.empty : texts.processes.noMatch}</Empty>
      ) : (
        <div ref={box}>
          <ProcessTable processes={shown} />
        </div>
      )}
      {asked !== undefined && <AskDialog asked={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function textOf({ id, engine, state, reason }: Process): string {
  return `${id} ${engine} ${nameOf(Process_State, state)} ${reason}`.toLowerCase();
}

export function ProcessTable({ processes }: { readonly processes: readonly Process[] }) {
  const texts = useTexts();
  const { session, figures } = useApp();
  const { processes: t } = texts;
  return (
    <table class="table processes">
      <thead>
        <tr>
          <th>{t.process}</th>
          <th>{t.state}</th>
          <th>{t.why}</th>
          <th class="n">{t.cpu}</th>
          <th class="n">{t.memory}</th>
          <th class="n">{t.traffic}</th>
          <th class="n">{t.restarts}</th>
          <th class="n">{t.up}</th>
          {session.may('operate') && (
            <th>
              <span class="unseen">{t.actions}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {processes.map((process) => (
          <ProcessRow key={process.id} process={process} figures={figures.byProcess.value.get(process.id)} />
        ))}
      </tbody>
    </table>
  );
}

function ProcessRow({ process, figures }: { readonly process: Process; readonly figures: ProcessFigures | undefined }) {
  const { session, router } = useApp();
  const texts = useTexts();
  const { id, engine, state, pid } = process;
  const up = pid > 0;
  return (
    <tr data-row={id} tabIndex={-1} onClick={() => router.go(href('processes', id))}>
      <th scope="row">
        <a href={href('processes', id)} onClick={(event) => event.stopPropagation()}>
          {id}
        </a>
        <small>{engine}</small>
      </th>
      <td>
        <ProcessBadge state={state} />
      </td>
      <td class="why">
        <Why process={process} />
      </td>
      <td class="n" data-name={texts.processes.cpu}>
        {up && figures?.cpuRatio !== undefined ? percent(figures.cpuRatio) : ''}
      </td>
      <td class="n" data-name={texts.processes.memory}>
        {up && figures?.memoryBytes !== undefined ? bytes(figures.memoryBytes) : ''}
      </td>
      <td class="n" data-name={texts.processes.traffic}>
        {up && <Traffic figures={figures} />}
      </td>
      <td class="n" data-name={texts.processes.restarts}>
        {process.restartCount > 0 ? process.restartCount : ''}
      </td>
      <td class="n" data-name={texts.processes.up}>
        {up && <Elapsed since={process.startTime} />}
      </td>
      {session.may('operate') && (
        <td class="act">
          <ProcessButtons process={process} />
        </td>
      )}
    </tr>
  );
}

export function Traffic({ figures }: { readonly figures: ProcessFigures | undefined }) {
  if (figures?.receiveRate === undefined || figures.transmitRate === undefined) return null;
  return (
    <span class="traffic">
      <span>↓ {bytes(figures.receiveRate)}/s</span> <span>↑ {bytes(figures.transmitRate)}/s</span>
    </span>
  );
}

/** Why a process is in its state: the agent's own words, and when it acts next. */
export function Why({ process }: { readonly process: Process }) {
  const texts = useTexts();
  const { reason, message, nextStartTime, state } = process;
  const waits = state === Process_State.BACKOFF && nextStartTime !== undefined;
  return (
    <>
      {message !== '' ? message : reason !== '' && <code>{reason}</code>}
      {waits && (
        <span class="dim">
          {' '}
          {texts.overview.next}: <Relative time={nextStartTime} />
        </span>
      )}
    </>
  );
}
