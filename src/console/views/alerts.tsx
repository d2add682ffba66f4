import { useEffect, useRef, useState } from 'preact/hooks';
import { type Alert, Alert_State } from '../../../gen/es/sboxagent/v1/alert_pb.js';
import { useApp, useTexts } from '../core/app.ts';
import { digits, msOf, span } from '../core/format.ts';
import { href } from '../core/router.ts';
import { useLoad } from '../core/use-load.ts';
import { SeverityBadge } from '../parts/badge.tsx';
import { Button } from '../parts/button.tsx';
import { Dialog } from '../parts/confirm.tsx';
import { Section } from '../parts/facts.tsx';
import { Empty, Ready } from '../parts/note.tsx';
import { Clock, Elapsed } from '../parts/time.tsx';

const everyMs = 10_000;
const shownResolved = 50;

export function AlertsView() {
  const texts = useTexts();
  const { alerts, clients } = useApp();
  const resolved = useLoad(
    (signal) => clients.alerts.listAlerts({ filter: { states: [Alert_State.RESOLVED] }, pageSize: shownResolved }, { signal }),
    [],
    everyMs,
  );
  const firing = alerts.firing.value;
  useEffect(() => void alerts.refresh().catch(() => {}), []);
  return (
    <>
      <header class="top">
        <h1>{texts.alerts.title}</h1>
      </header>
      <Section title={texts.alerts.firing}>
        {firing === undefined && <Empty>{texts.common.loading}</Empty>}
        {firing?.length === 0 && <Empty>{texts.alerts.quiet}</Empty>}
        {firing !== undefined && firing.length > 0 && <AlertList alerts={firing} />}
      </Section>
      <Section title={texts.alerts.resolved}>
        <Ready of={resolved}>
          {(page) => (page.alerts.length === 0 ? <Empty>{texts.alerts.noResolved}</Empty> : <AlertList alerts={page.alerts} />)}
        </Ready>
      </Section>
    </>
  );
}

function AlertList({ alerts }: { readonly alerts: readonly Alert[] }) {
  return (
    <ul class="alerts">
      {alerts.map((alert) => (
        <AlertItem key={alert.id} alert={alert} />
      ))}
    </ul>
  );
}

function AlertItem({ alert }: { readonly alert: Alert }) {
  const texts = useTexts();
  const { session } = useApp();
  const [asked, ask] = useState(false);
  const fires = alert.state === Alert_State.FIRING;
  const { acknowledged } = alert;
  return (
    <li>
      <SeverityBadge severity={alert.severity} />
      <div>
        <strong>{alert.rule}</strong> <Subject alert={alert} />
        <p>{alert.summary}</p>
        <p class="dim">
          {alert.traceId !== '' && (
            <>
              <a href={href('traces', alert.traceId)}>{texts.events.trace}</a> ·{' '}
            </>
          )}
          <Clock time={alert.startTime} /> · {fires ? <Elapsed since={alert.startTime} /> : texts.alerts.lasted(lengthOf(alert))}
          {alert.threshold !== 0 && ` · ${texts.alerts.value(digits(alert.value), digits(alert.threshold))}`}
          {acknowledged !== undefined && ` · ${texts.alerts.acknowledged(acknowledged.by)}`}
          {acknowledged !== undefined && acknowledged.comment !== '' && `: ${acknowledged.comment}`}
        </p>
      </div>
      {fires && acknowledged === undefined && session.may('operate') && (
        <Button onPress={() => ask(true)}>{texts.alerts.acknowledge}</Button>
      )}
      {asked && <Acknowledge id={alert.id} onClose={() => ask(false)} />}
    </li>
  );
}

function lengthOf({ startTime, endTime }: Alert): string {
  return span((msOf(endTime) ?? 0) - (msOf(startTime) ?? 0));
}

/** What an alert is about: a link where that has a page. */
function Subject({ alert: { subject, labels } }: { readonly alert: Alert }) {
  const { processes } = useApp();
  if (processes.all.value?.has(subject) === true) return <a href={href('processes', subject)}>{subject}</a>;
  if (labels['plugin'] === subject) return <a href={href('plugins', subject)}>{subject}</a>;
  return <span>{subject}</span>;
}

function Acknowledge({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const texts = useTexts();
  const { clients, alerts } = useApp();
  const comment = useRef<HTMLInputElement>(null);
  return (
    <Dialog
      title={texts.alerts.askAck}
      action={texts.alerts.acknowledge}
      onClose={onClose}
      onConfirm={async () => {
        await clients.alerts.acknowledgeAlert({ id, comment: comment.current?.value ?? '' });
        await alerts.refresh();
      }}
    >
      <p>{texts.alerts.askAckLead}</p>
      <label class="stack">
        <span>{texts.alerts.comment}</span>
        <input ref={comment} class="field" maxLength={4096} />
      </label>
    </Dialog>
  );
}
