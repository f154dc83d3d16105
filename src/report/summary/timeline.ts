import { rungActions } from '../../core/provider';
import { fenced, mermaidText } from '../escape';
import type { Report, ResourceReport, StepReport } from '../model';
import { kindName, time } from '../words';
import type { Section } from './fit';

/** So many resources have a bar each; more are grouped. */
const MAX_BARS = 30;

/** Longer names hide the bars. */
const MAX_NAME = 40;

/** One bar. Times are milliseconds since the epoch. */
interface Bar {
  readonly section: string;
  readonly label: string;
  /** Mermaid's word for how the bar looks; none for the usual look. */
  readonly look: 'done' | 'active' | 'crit' | undefined;
  readonly from: number;
  readonly to: number;
}

/** When what was stopped, killed and removed: a Gantt chart. */
export function timelineSection({ phases: { post } }: Report): Section {
  return {
    title: 'the timeline',
    priority: 6,
    render(most) {
      const worked = (post?.resources ?? []).filter((resource) => stepsWithWork(resource).length > 0);
      if (worked.length === 0 || most === 0) return '';
      const bars = worked.length > Math.min(MAX_BARS, most) ? grouped(worked) : worked.map(single);
      return `<details open><summary>Timeline</summary>\n\n${fenced('mermaid', chart(bars))}\n\n</details>`;
    },
  };
}

function stepsWithWork({ steps }: ResourceReport): readonly StepReport[] {
  return steps.filter(({ attempts }) => attempts > 0);
}

function start({ startedAt }: StepReport): number {
  return Date.parse(startedAt);
}

function end(step: StepReport): number {
  return start(step) + step.durationMs;
}

/** The name does not come first: a word like `section`, or a date, would mean something there. */
function single(resource: ResourceReport): Bar {
  const steps = stepsWithWork(resource);
  const span = spanOf(steps);
  return {
    section: resource.outcome,
    label: `${time(span.to - span.from)} ${mermaidText(resource.name, MAX_NAME)}`,
    look: lookOf(resource),
    ...span,
  };
}

/** Of each kind, outcome and rung one bar: from the first that began it to the last that ended it. */
function grouped(resources: readonly ResourceReport[]): readonly Bar[] {
  const groups = Map.groupBy(resources, ({ kind, outcome }) => `${kind} ${outcome}`);
  return [...groups.values()].flatMap((group) =>
    rungActions.flatMap((action) => {
      const steps = group.flatMap((resource) => stepsWithWork(resource).filter((step) => step.action === action));
      const [first] = group;
      if (first === undefined || steps.length === 0) return [];
      const span = spanOf(steps);
      return {
        section: `${kindName(first.kind)} ${first.outcome}`,
        label: `${action} ${steps.length} in ${time(span.to - span.from)}`,
        look: lookOf(first),
        ...span,
      };
    }),
  );
}

function spanOf(steps: readonly StepReport[]): Pick<Bar, 'from' | 'to'> {
  return {
    from: steps.reduce((least, step) => Math.min(least, start(step)), Number.POSITIVE_INFINITY),
    to: steps.reduce((most, step) => Math.max(most, end(step)), 0),
  };
}

function lookOf({ outcome }: ResourceReport): Bar['look'] {
  if (outcome === 'failed') return 'crit';
  if (outcome === 'killed') return 'active';
  return outcome === 'graceful' ? undefined : 'done';
}

function chart(bars: readonly Bar[]): readonly string[] {
  const from = bars.reduce((least, bar) => Math.min(least, bar.from), Number.POSITIVE_INFINITY);
  const span = bars.reduce((most, bar) => Math.max(most, bar.to), 0) - from;
  const sections = Map.groupBy(bars, ({ section }) => section);
  const longest = Math.max(...[...sections.keys()].map(({ length }) => length));
  return [
    '---',
    'config:',
    '  gantt:',
    `    leftPadding: ${LETTER_PX * longest + MARGIN_PX}`,
    '    numberSectionStyles: 2',
    '---',
    'gantt',
    '  dateFormat YYYY-MM-DD HH:mm:ss.SSS',
    ...axis(span).map((line) => `  ${line}`),
    '  todayMarker off',
    ...[...sections].flatMap(([section, inIt]) => [`  section ${section}`, ...inIt.map((bar) => `    ${line(bar, from)}`)]),
  ];
}

/** Mermaid gives all sections' names 75 pixels: longer ones run into the bars. Pixels, for its letters of 11 pixels. */
const LETTER_PX = 6;
const MARGIN_PX = 24;

/** A year's first second in the reader's own time zone: Mermaid reads and writes local time, and no clock is set that night. */
const EPOCH = Date.UTC(2000, 0, 1);

function line({ label, look, from, to }: Bar, zero: number): string {
  const at = new Date(EPOCH + from - zero).toISOString().replace('T', ' ').replace('Z', '');
  return `${label} :${look === undefined ? '' : `${look}, `}${at}, ${Math.max(1, Math.round(to - from))}ms`;
}

/** Milliseconds between two marks on the axis, and how Mermaid calls them. */
const TICKS: readonly (readonly [ms: number, name: string])[] = [
  [100, '100millisecond'],
  [500, '500millisecond'],
  [1_000, '1second'],
  [5_000, '5second'],
  [15_000, '15second'],
  [60_000, '1minute'],
  [300_000, '5minute'],
];

const MAX_TICK = [3_600_000, '1hour'] as const;

const MAX_TICKS = 8;

function axis(spanMs: number): readonly string[] {
  const [ms, name] = TICKS.find(([tick]) => spanMs / tick <= MAX_TICKS) ?? MAX_TICK;
  return [`axisFormat ${ms < 1_000 ? '%S.%L' : '%H:%M:%S'}`, `tickInterval ${name}`];
}
