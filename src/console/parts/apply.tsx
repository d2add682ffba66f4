import { useEffect, useRef } from 'preact/hooks';
import { type Apply, Apply_Result, type Apply_Step, Apply_Step_Status } from '../../../gen/es/sboxagent/v1/process_config_pb.js';
import { useTexts } from '../core/app.ts';
import { msOf, span } from '../core/format.ts';
import { Badge, nameOf, type Tone } from './badge.tsx';
import { Button } from './button.tsx';
import { Diff, Lines } from './diff.tsx';

const resultTones: Readonly<Record<keyof typeof Apply_Result, Tone>> = {
  RESULT_UNSPECIFIED: 'off',
  PENDING: 'busy',
  VALID: 'ok',
  APPLIED: 'ok',
  REJECTED: 'bad',
  ROLLED_BACK: 'warn',
  FAILED: 'bad',
};

const stepTones: Readonly<Record<keyof typeof Apply_Step_Status, Tone>> = {
  STATUS_UNSPECIFIED: 'off',
  ACTIVE: 'busy',
  PASSED: 'ok',
  FAILED: 'bad',
  SKIPPED: 'off',
};

/** An apply or a check: its steps, what the engine says, what it changes. */
export function ApplyView({ apply, onReload }: { readonly apply: Apply; readonly onReload?: (() => void) | undefined }) {
  const texts = useTexts();
  const result = nameOf(Apply_Result, apply.result);
  const over = apply.result !== Apply_Result.PENDING && apply.result !== Apply_Result.VALID;
  const box = useRef<HTMLElement>(null);
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [apply.id, over]);
  return (
    <section ref={box} class="apply" aria-label={texts.apply.steps} aria-live="polite" data-result={result}>
      <p class="lead">
        <Badge tone={resultTones[result]}>{texts.apply.results[result]}</Badge>
        {over && apply.runningRevision > 0 && <span class="dim">{texts.apply.runs(apply.runningRevision)}</span>}
        {onReload !== undefined && <Button onPress={onReload}>{texts.common.done}</Button>}
      </p>
      {apply.impact !== undefined && apply.diff !== '' && <Impact apply={apply} />}
      {apply.diff === '' && apply.result === Apply_Result.VALID && <p class="dim">{texts.apply.noChange}</p>}
      <ol class="steps">
        {apply.steps.map((step) => (
          <Step key={step.name} step={step} />
        ))}
      </ol>
      {apply.violations.length > 0 && (
        <ul class="violations">
          {apply.violations.map(({ path, line, message }) => (
            <li key={`${path} ${line} ${message}`}>
              <code>{line > 0 ? `${path}:${line}` : path}</code> {message}
            </li>
          ))}
        </ul>
      )}
      {apply.engineOutput.length > 0 && (
        <>
          <h3>{texts.apply.engineSays}</h3>
          <Lines lines={apply.engineOutput} label={texts.apply.engineSays} />
        </>
      )}
      {apply.diff !== '' && (
        <>
          <h3>{texts.common.changes}</h3>
          <Diff text={apply.diff} label={texts.common.changes} />
        </>
      )}
    </section>
  );
}

function Step({ step }: { readonly step: Apply_Step }) {
  const texts = useTexts();
  const status = nameOf(Apply_Step_Status, step.status);
  const [begin, end] = [msOf(step.startTime), msOf(step.endTime)];
  return (
    <li data-status={status}>
      <Badge tone={stepTones[status]}>{texts.apply.stepNames[step.name] ?? step.name}</Badge>
      {begin !== undefined && end !== undefined && <span class="when">{span(end - begin)}</span>}
      {step.message !== '' && <p>{step.message}</p>}
    </li>
  );
}

function Impact({ apply: { impact } }: { readonly apply: Apply }) {
  const texts = useTexts();
  if (impact === undefined) return null;
  const { restart, dropsConnections, portsAdded, portsRemoved } = impact;
  const said = [
    restart ? texts.apply.impact.restart : '',
    dropsConnections ? texts.apply.impact.drops : '',
    !restart && !dropsConnections ? texts.apply.impact.none : '',
    texts.apply.ports(portsAdded.join(', '), portsRemoved.join(', ')),
  ];
  return <p>{said.filter(Boolean).join(' · ')}</p>;
}
