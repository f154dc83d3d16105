import { htmlCode, htmlProse } from './escape';
import type { Section } from './fit';
import type { PhaseReport, Report, ResourceReport } from './model';
import { verdictOf } from './verdict';
import { count, countKinds, time } from './words';

/** So many earlier sessions are named. */
const MOST_SESSIONS = 5;

/** What pre-cleanup found, and which runs had left it. */
export function earlierSection({ phases: { pre } }: Report): Section {
  return {
    title: 'what earlier runs had left',
    priority: 4,
    render: (most) => (pre === null || pre.resources.length === 0 ? '' : told(pre, Math.min(most, MOST_SESSIONS))),
  };
}

function told(pre: PhaseReport, most: number): string {
  const { kind, headline } = verdictOf(pre);
  const removed = pre.resources.filter(({ outcome }) => outcome !== 'kept' && outcome !== 'gone');
  const said = kind === 'clean' ? `${countKinds(removed)}, removed in ${time(pre.durationMs)}` : headline;
  const bySession = [...Map.groupBy(pre.resources, ({ session }) => session ?? '')].filter(([session]) => session !== '');
  const items = bySession.slice(0, most).map(([session, left]) => `<li>${countKinds(left)} of ${source(session, left)}</li>`);
  const more = bySession.length - items.length;
  return [
    `<p>Left over from earlier runs: ${htmlProse(said)}.</p>`,
    ...(items.length > 0 ? ['<ul>', ...items] : []),
    ...(items.length > 0 && more > 0 ? [`<li>and of ${count(more, 'other session')}</li>`] : []),
    ...(items.length > 0 ? ['</ul>'] : []),
  ].join('\n');
}

function source(session: string, left: readonly ResourceReport[]): string {
  const address = left.flatMap(({ runUrl }) => runAddress(runUrl) ?? [])[0];
  return address === undefined ? htmlCode(session) : `<a href="${address}">${htmlCode(session)}</a>`;
}

/** A run's page on GitHub or a GitHub Enterprise Server: nothing else that a label says becomes a link. */
const RUN_ADDRESS = /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?\/[\w.-]+\/[\w.-]+\/actions\/runs\/\d+(\/attempts\/\d+)?$/;

function runAddress(runUrl: string | null): string | undefined {
  return runUrl !== null && RUN_ADDRESS.test(runUrl) ? runUrl : undefined;
}
