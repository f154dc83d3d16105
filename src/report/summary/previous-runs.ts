import { htmlCode, htmlProse } from '../escape';
import { leftOf } from '../leftovers';
import type { PhaseReport, Report, ResourceReport } from '../model';
import { verdictOf } from '../verdict';
import { count, countKinds, time } from '../words';
import type { Section } from './fit';

/** So many earlier sessions are named. */
const MAX_SESSIONS = 5;

/**
 * What pre-cleanup found, and which runs had left it.
 * @param serverUrl the GitHub whose runs may be linked to; without it there is no link
 */
export function earlierSection({ phases }: Report, serverUrl: string | undefined): Section {
  const { pre } = phases;
  return {
    title: 'what earlier runs had left',
    priority: 4,
    render(most) {
      if (pre === null || pre.resources.length === 0) return '';
      const sessions = sessionList(pre.resources, Math.min(most, MAX_SESSIONS), serverUrl);
      const said = whatBecame(pre, leftOf(phases).earlier.length);
      return [`<p>Left over from earlier runs: ${htmlProse(said)}.</p>`, ...sessions].join('\n');
    },
  };
}

/** @param left how many are there to this day */
function whatBecame(pre: PhaseReport, left: number): string {
  const { kind, headline } = verdictOf(pre);
  const removed = pre.resources.filter(({ outcome }) => outcome !== 'kept' && outcome !== 'gone');
  if (kind === 'clean') return `${countKinds(removed)}, removed in ${time(pre.durationMs)}`;
  const later = pre.totals.failed - left;
  if (later === 0) return headline;
  return left === 0 ? `${countKinds(removed)}; ${later} removed only later` : `${headline}; ${later} removed later`;
}

function sessionList(resources: readonly ResourceReport[], most: number, serverUrl: string | undefined): readonly string[] {
  const bySession = [...Map.groupBy(resources, ({ session }) => session ?? '')].filter(([session]) => session !== '');
  const items = bySession
    .slice(0, most)
    .map(([session, left]) => `<li>${countKinds(left)} of ${source(session, left, serverUrl)}</li>`);
  if (items.length === 0) return [];
  const more = bySession.length - items.length;
  return ['<ul>', ...items, ...(more > 0 ? [`<li>and of ${count(more, 'other session')}</li>`] : []), '</ul>'];
}

function source(session: string, left: readonly ResourceReport[], serverUrl: string | undefined): string {
  const address = left.flatMap(({ runUrl }) => (runUrl !== null && isRunOn(serverUrl, runUrl) ? [runUrl] : []))[0];
  return address === undefined ? htmlCode(session) : `<a href="${address}">${htmlCode(session)}</a>`;
}

/** A run's page. */
const RUN_ADDRESS = /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?\/[\w.-]+\/[\w.-]+\/actions\/runs\/\d+(\/attempts\/\d+)?$/;

/** Anybody can write an address into a label: only what leads to the same GitHub becomes a link. */
function isRunOn(serverUrl: string | undefined, runUrl: string): boolean {
  if (serverUrl === undefined || !RUN_ADDRESS.test(runUrl)) return false;
  const server = URL.parse(serverUrl);
  return server !== null && URL.parse(runUrl)?.origin === server.origin;
}
