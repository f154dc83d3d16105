import { rungActions } from '../../core/provider';
import { fenced, mermaidText } from '../escape';
import type { Report, ResourceReport, StepReport } from '../model';
import { kindName, time } from '../words';
import type { Section } from './fit';

/** Above this number, bars are grouped. */
const MAX_BARS = 30;

/** Above this number, a reader has to open the timeline: it would fill the screen. */
const MAX_OPEN_BARS = 12;

/** Characters. Longer names would hide the bars. */
const MAX_NAME = 40;

/** Times are milliseconds since the epoch. */
interface Bar {
  readonly section: string;
  readonly label: string;
  readonly isFailed: boolean;
  readonly from: number;
  readonly to: number;
}

/** A Gantt chart of stops, kills and removals. */
export function timelineSection({ phases: { post } }: Report): Section {
  return {
    title: 'the timeline',
    priority: 6,
    render(maxItems) {
      const worked = (post?.resources ?? []).filter((resource) => stepsWithWork(resource).length > 0);
      if (worked.length === 0 || maxItems === 0) return '';
      const bars = worked.length > Math.min(MAX_BARS, maxItems) ? grouped(worked) : worked.map(single);
      const title = `Timeline of ${worked.length === 1 ? '1 resource' : `${worked.length} resources`}`;
      const details = bars.length > MAX_OPEN_BARS ? '<details>' : '<details open>';
      return `${details}<summary>${title}</summary>\n\n${fenced('mermaid', chart(title, bars))}\n\n</details>`;
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

/** A label does not begin with the name: a word like `section`, or a date, would have a meaning. */
function single(resource: ResourceReport): Bar {
  const steps = stepsWithWork(resource);
  const span = spanOf(steps);
  return {
    section: resource.outcome,
    label: `${time(span.to - span.from)} ${mermaidText(resource.name, MAX_NAME)}`,
    isFailed: resource.outcome === 'failed',
    ...span,
  };
}

/** One bar for each kind, outcome and rung, from first start to last end. */
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
        isFailed: first.outcome === 'failed',
        ...span,
      };
    }),
  );
}

function spanOf(steps: readonly StepReport[]): Pick<Bar, 'from' | 'to'> {
  return {
    from: steps.reduce((min, step) => Math.min(min, start(step)), Number.POSITIVE_INFINITY),
    to: steps.reduce((max, step) => Math.max(max, end(step)), 0),
  };
}

/** @param title for those who hear the page: https://mermaid.js.org/config/accessibility.html */
function chart(title: string, bars: readonly Bar[]): readonly string[] {
  const from = bars.reduce((min, bar) => Math.min(min, bar.from), Number.POSITIVE_INFINITY);
  const span = bars.reduce((max, bar) => Math.max(max, bar.to), 0) - from;
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
    `  accTitle: ${title}`,
    '  accDescr: A bar for each, from its first stop, kill or removal to its end, by outcome, on an axis of seconds',
    '  dateFormat x',
    ...axis(span).map((line) => `  ${line}`),
    '  todayMarker off',
    ...[...sections].flatMap(([section, inIt]) => [`  section ${section}`, ...inIt.map((bar) => `    ${line(bar, from)}`)]),
  ];
}

/** Pixels. Mermaid reserves only 75 for the names of sections; longer ones overlap the bars. */
const LETTER_PX = 6;
const MARGIN_PX = 24;

/** Only failures have a style, `crit`: the others' labels are illegible in the dark theme. */
function line({ label, isFailed, from, to }: Bar, zero: number): string {
  return `${label} :${isFailed ? 'crit, ' : ''}${from - zero}, ${Math.max(1, Math.round(to - from))}ms`;
}

/** Milliseconds between two ticks, and Mermaid's name for them. */
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

/** More would run into each other on a phone. */
const MAX_TICKS = 6;

/** Seconds since the first bar's start: as times of 1970, in seconds, whatever the time zone. */
function axis(spanMs: number): readonly string[] {
  const [ms, name] = TICKS.find(([tick]) => spanMs / tick <= MAX_TICKS) ?? MAX_TICK;
  return [`axisFormat ${ms < 1_000 ? '%s.%Ls' : '%ss'}`, `tickInterval ${name}`];
}
