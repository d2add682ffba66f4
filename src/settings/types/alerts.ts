export type SeverityName = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** A rule of one's own (units.md). */
export type AlertRuleSettings = {
  readonly name: string;
  readonly severity: SeverityName;
  readonly summary: string;
  readonly runbookUrl?: string | undefined;
} & (
  | {
      readonly kind: 'event';
      readonly filter: {
        readonly types?: readonly string[];
        readonly sources?: readonly string[];
        readonly subjects?: readonly string[];
        readonly minSeverity?: SeverityName;
        readonly traceId?: string;
        readonly text?: string;
      };
      readonly count: number;
      readonly windowMs: number;
    }
  | {
      readonly kind: 'metric';
      readonly metric: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly comparison: 'above' | 'below';
      readonly threshold: number;
      readonly forMs: number;
    }
);

export interface WebhookSettings {
  readonly name: string;
  readonly url: string;
  readonly format: 'json' | 'alertmanager';
  /** Key of the signature, read from `secret_file`; undefined = not signed. A secret. */
  readonly secret: string | undefined;
  readonly minSeverity: SeverityName;
  readonly timeoutMs: number;
}
