import type { ComponentChildren } from 'preact';

/** Text that keeps its spaces and lines. The box scrolls, so that it is a place that the keyboard reaches. */
function Box({ kind, label, children }: { readonly kind: 'diff' | 'lines'; readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section would lose what pre means
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable
    <pre class={kind} role="region" aria-label={label} tabIndex={0}>
      {children}
    </pre>
  );
}

export function Lines({ lines, label }: { readonly lines: readonly string[]; readonly label: string }) {
  return (
    <Box kind="lines" label={label}>
      {lines.join('\n')}
    </Box>
  );
}

/** A unified diff, a line a row. */
export function Diff({ text, label }: { readonly text: string; readonly label: string }) {
  if (text === '') return null;
  return (
    <Box kind="diff" label={label}>
      {text
        .replace(/\n$/, '')
        .split('\n')
        .map((line, i) => (
          <span key={`${i} ${line}`} class={kindOf(line)}>
            {`${line}\n`}
          </span>
        ))}
    </Box>
  );
}

function kindOf(line: string): string {
  if (/^(\+\+\+|---) /.test(line) || line.startsWith('@@')) return 'head';
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return 'same';
}
