/** What a dashboard is made of, and how Grafana writes it down. A definition says what is asked and how it is called; the rest is alike for all. */

/** One line of a panel: what is asked, and how the answer is called (`{{label}}`). */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly title: string;
  /** Default: lines over time. */
  readonly type?: 'timeseries' | 'stat' | 'table' | 'state-timeline';
  /** Grafana's name of the unit: `short`, `s`, `bytes`, `Bps`, `percentunit`, `ops`, `reqps`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24; default 8. */
  readonly width?: number;
  /** One sentence for who has not read docs/metrics.md. */
  readonly help?: string;
  readonly stacked?: boolean;
  /** Shows trace ids that Prometheus keeps with the buckets. */
  readonly exemplars?: boolean;
  /** Of 0 to 1, or a number from which on it is red. */
  readonly redFrom?: number;
}

export interface Variable {
  readonly name: string;
  /** `label_values(metric, label)`. */
  readonly query: string;
}

export interface Definition {
  /** Name of the file, and end of the uid. */
  readonly name: string;
  readonly summary: string;
  readonly variables?: readonly Variable[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's own placeholder
const prometheus = { type: 'prometheus', uid: '${datasource}' } as const;
const panelHeight = 8;

/** The JSON that Grafana provisions. */
export function dashboard({ name, summary, variables = [], rows }: Definition): object {
  return {
    uid: `sboxagent-${name}`,
    title: `sboxagent: ${name}`,
    description: summary,
    tags: ['sboxagent'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    timezone: 'browser',
    time: { from: 'now-3h', to: 'now' },
    links: [
      {
        type: 'dashboards',
        title: 'sboxagent',
        tags: ['sboxagent'],
        icon: 'external link',
        tooltip: 'The other dashboards',
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        targetBlank: false,
      },
    ],
    templating: { list: [datasource, ...[instances, ...variables].map(variable)] },
    annotations: { list: [firing] },
    panels: place(rows),
  };
}

const datasource = {
  name: 'datasource',
  label: 'Prometheus',
  type: 'datasource',
  query: 'prometheus',
  current: { text: '', value: '' },
  hide: 0,
};
const instances: Variable = { name: 'instance', query: 'label_values(sboxagent_up_seconds, instance)' };
const firing = {
  name: 'Alerts',
  enable: true,
  datasource: prometheus,
  expr: 'ALERTS{alertname=~"Sboxagent.+", alertstate="firing", instance=~"$instance"}',
  titleFormat: '{{alertname}}',
  textFormat: '{{instance}} {{process}}{{plugin}}{{limit}}{{source}}',
  step: '60s',
  iconColor: 'red',
};

function variable({ name, query }: Variable): object {
  return {
    name,
    type: 'query',
    datasource: prometheus,
    definition: query,
    query: { query, refId: `variable-${name}` },
    refresh: 2,
    sort: 1,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  };
}

/** Rows below each other, their panels from left to right. */
function place(rows: Definition['rows']): readonly object[] {
  const placed: object[] = [];
  let y = 0;
  for (const { title, panels } of rows) {
    placed.push({ id: placed.length + 1, type: 'row', title, collapsed: false, panels: [], gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    let x = 0;
    for (const one of panels) {
      const w = one.width ?? 8;
      if (x + w > 24) {
        x = 0;
        y += panelHeight;
      }
      placed.push({ id: placed.length + 1, gridPos: { x, y, w, h: panelHeight }, ...panel(one) });
      x += w;
    }
    y += panelHeight;
  }
  return placed;
}

function panel(of: Panel): object {
  const { title, type = 'timeseries', unit, queries, help, redFrom } = of;
  const steps = [{ color: 'green', value: null }, ...(redFrom === undefined ? [] : [{ color: 'red', value: redFrom }])];
  const instant = type === 'stat' || type === 'table';
  return {
    title,
    type,
    description: help ?? '',
    datasource: prometheus,
    targets: queries.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: prometheus,
      expr,
      legendFormat,
      instant,
      range: !instant,
      exemplar: of.exemplars === true,
      format: type === 'table' ? 'table' : 'time_series',
    })),
    fieldConfig: {
      defaults: { unit, min: type === 'timeseries' ? 0 : null, custom: custom(of), thresholds: { mode: 'absolute', steps } },
      overrides: [],
    },
    options: options(type),
    ...(type === 'table' && {
      transformations: [{ id: 'organize', options: { excludeByName: { Time: true, __name__: true, job: true } } }],
    }),
  };
}

const legend = { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] };

/** What each kind of panel has; all that Grafana's own schema wants is said, also where it is the default. */
function custom({ type = 'timeseries', stacked = false, redFrom }: Panel): object {
  switch (type) {
    case 'stat':
    case 'state-timeline':
      return {};
    case 'table':
      return { align: 'auto', inspect: false };
    case 'timeseries':
      return {
        drawStyle: 'line',
        lineWidth: 1,
        fillOpacity: stacked ? 30 : 5,
        showPoints: 'never',
        stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: redFrom === undefined ? 'off' : 'dashed' },
      };
  }
}

function options(type: NonNullable<Panel['type']>): object {
  switch (type) {
    case 'stat':
      return {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: 'value',
        graphMode: 'area',
        textMode: 'auto',
        justifyMode: 'auto',
        orientation: 'auto',
        wideLayout: true,
        showPercentChange: false,
        percentChangeColorMode: 'standard',
      };
    case 'table':
      return { showHeader: true, frameIndex: 0 };
    case 'state-timeline':
      return { showValue: 'never', mergeValues: true, rowHeight: 0.9, legend, tooltip: { mode: 'single', sort: 'none' } };
    case 'timeseries':
      return { legend, tooltip: { mode: 'multi', sort: 'desc' } };
  }
}
